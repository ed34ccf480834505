// Captured content as a conversation. It may come from anyone: only text, no markup, no links.

import { h } from "./dom.js";

const EVENT = "gen_ai.client.inference.operation.details";

/** Messages of a call, from its span or else from its event of details; empty without content. */
export function conversation(content, events) {
  const event = events.find(({ name }) => name === EVENT);
  const from = (key) =>
    content[key] ??
    event?.attributes[`gen_ai.${key.replace("_", ".")}`] ??
    event?.attributes[NAMES[key]] ??
    event?.body?.[NAMES[key]];
  const system = from("system_instructions");
  return [
    ...(system
      ? [message("system", list(system).length && typeof system !== "string" ? system : [system])]
      : []),
    ...list(from("input_messages")).map((one) =>
      message(one?.role ?? "user", one?.parts ?? one?.content ?? one),
    ),
    ...list(from("output_messages")).map((one) =>
      message(one?.role ?? "assistant", one?.parts ?? one?.content ?? one),
    ),
  ];
}

const NAMES = {
  system_instructions: "gen_ai.system_instructions",
  input_messages: "gen_ai.input.messages",
  output_messages: "gen_ai.output.messages",
};

/** What was cut by an attribute limit is no JSON any more: a text is one part. */
function list(value) {
  if (value === null || value === undefined) return [];
  if (typeof value === "string") {
    try {
      return list(JSON.parse(value));
    } catch {
      return [value];
    }
  }
  return Array.isArray(value) ? value : [value];
}

function message(role, parts) {
  return h(
    "article",
    { class: "said", data: { role } },
    h("p", { class: "said-role" }, role),
    list(parts).map(part),
  );
}

function part(value) {
  if (typeof value === "string") return h("p", { class: "said-text" }, value);
  const kind = value?.type ?? "";
  const text = value?.content ?? value?.text;
  if (kind === "text" && typeof text === "string") return h("p", { class: "said-text" }, text);
  if (kind === "reasoning" && typeof text === "string")
    return [h("span", { class: "said-kind" }, "thinking"), h("p", { class: "said-text" }, text)];
  if (kind === "tool_call")
    return [h("span", { class: "said-kind" }, `calls ${value.name}`), code(value.arguments)];
  if (kind === "tool_call_response")
    return [h("span", { class: "said-kind" }, "result of a tool"), code(value.response ?? value.result)];
  return [kind ? h("span", { class: "said-kind" }, kind) : null, code(value)];
}

const code = (value) =>
  h("pre", {}, typeof value === "string" ? value : JSON.stringify(value ?? null, null, 2));
