// Captured content as a conversation. It may come from anyone: only text, no markup, no links.

import { h } from "./dom.js";

const EVENT = "gen_ai.client.inference.operation.details";
const NAMES = {
  system_instructions: "gen_ai.system_instructions",
  input_messages: "gen_ai.input.messages",
  output_messages: "gen_ai.output.messages",
};

/** Messages of a call, from its span or else from its event of details; empty without content. */
export function conversation(content, events) {
  const event = events.find(({ name }) => name === EVENT);
  const from = (key) => items(content[key] ?? event?.attributes[NAMES[key]]);
  const said = (key, role) => from(key).map((one) => message(one?.role ?? role, one?.parts ?? one));
  const system = from("system_instructions");
  return [
    ...(system.length ? [message("system", system)] : []),
    ...said("input_messages", "user"),
    ...said("output_messages", "assistant"),
  ];
}

/** A list, maybe as JSON text; a text that was cut by a limit is no JSON any more, and one item. */
function items(value) {
  if (value === null || value === undefined) return [];
  if (typeof value !== "string") return all(value);
  try {
    return all(JSON.parse(value));
  } catch {
    return [value];
  }
}

const all = (value) => (Array.isArray(value) ? value : [value]);

function message(role, parts) {
  return h(
    "article",
    { class: "said", data: { role } },
    h("p", { class: "said-role" }, role),
    all(parts).map(part),
  );
}

const text = (value) => h("p", { class: "said-text" }, value);
const code = (value) =>
  h("pre", {}, typeof value === "string" ? value : JSON.stringify(value ?? null, null, 2));
const titled = (title, inner) => [h("span", { class: "said-kind" }, title), inner];

/** Kinds of parts, as the GenAI conventions have them; others are shown as they are. */
const KINDS = {
  text: ({ content }) => text(content),
  reasoning: ({ content }) => titled("thinking", text(content)),
  tool_call: (one) => titled(`calls ${one.name}`, code(one.arguments ?? one.arguments_json)),
  tool_call_response: ({ response }) =>
    titled("result of a tool", Array.isArray(response) ? response.map(part) : code(response)),
  server_tool_call: (one) => titled(`calls ${one.name} on the server`, code(one.server_tool_call)),
  server_tool_call_response: (one) => titled("result from the server", code(one.server_tool_call_response)),
};

function part(value) {
  if (typeof value === "string") return text(value);
  const kind = value?.type ?? "part";
  return Object.hasOwn(KINDS, kind) ? KINDS[kind](value) : titled(kind, code(value));
}
