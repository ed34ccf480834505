// The server's REST API. Every answer is JSON; every failure is an ApiError with words for people.

export class ApiError extends Error {
  /** @param {number} status HTTP status; 0 where no answer came. */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Ask for `/api/...` or another path of this server. */
export async function get(path, query = new URLSearchParams(), signal = undefined) {
  const said = query.toString();
  let response;
  try {
    response = await fetch(said ? `${path}?${said}` : path, { signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The server does not answer.", 0);
  }
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(reason(body, response), response.status);
  return body;
}

function reason(body, response) {
  const detail = body?.detail;
  if (typeof detail === "string") return detail;
  if (Array.isArray(detail)) return detail.map((item) => `${item.loc?.at(-1)}: ${item.msg}`).join("; ");
  return `${response.status} ${response.statusText}`;
}

/** A copy of a query with more in it. */
export function and(query, more) {
  const found = new URLSearchParams(query);
  for (const [key, value] of Object.entries(more)) {
    if (value !== null && value !== undefined) found.set(key, value);
  }
  return found;
}
