// The pages, in the order of the navigation.

import { budgets } from "./budgets.js";
import { call } from "./call.js";
import { calls } from "./calls.js";
import { cost } from "./cost.js";
import { errors } from "./errors.js";
import { insights } from "./insights.js";
import { latency } from "./latency.js";
import { overview } from "./overview.js";
import { quality } from "./quality.js";
import { usage } from "./usage.js";

/**
 * A page.
 * @typedef {object} Page
 * @property {string|function(object): string} title
 * @property {function(object): Promise<object>} load asks the API for all that is shown.
 * @property {function(object, object): Array} show from that to tiles and panels; asks nothing.
 * @property {function(object, URLSearchParams): number} [calls] how many calls are in view: 0 shows
 *   how to send some.
 * @property {boolean} [scoped] false where range and filters mean nothing.
 * @property {boolean} [hidden] not in the navigation; `under` says which entry is then current.
 */
export const PAGES = { overview, cost, latency, errors, usage, quality, budgets, insights, calls, call };
