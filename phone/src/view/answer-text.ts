// An answer in words, for reading and for choosing between two. Owns no meaning: only how a value of each kind is read aloud.

import type { FormItem } from "../core/messages";
import { showDecimal } from "./decimal";
import { locale, say, words } from "./prefs";

/** The value of an answer's JSON text where it is a string; none for others. Numbers are never parsed. */
export function stringOf(json: string | null): string | null {
  if (json === null || !json.startsWith('"')) return null;
  try {
    return JSON.parse(json) as string;
  } catch {
    return null;
  }
}

export function listOf(json: string | null): string[] {
  if (json === null || !json.startsWith("[")) return [];
  try {
    return JSON.parse(json) as string[];
  } catch {
    return [];
  }
}

export function unitOf(item: FormItem): string {
  return item.unit ? (words.value.visit.units[item.unit] ?? item.unit) : "";
}

export function answerText(item: FormItem, json: string | null): string {
  const t = words.value.visit;
  if (json === null || json === "null") return t.noAnswer;
  const text = stringOf(json);
  const optionText = (id: string) => {
    const option = item.options.find((it) => it.id === id);
    return option ? say(option.text) : id;
  };
  if (text === "na" && item.na) return t.na;
  switch (item.kind) {
    case "yes_no":
    case "yes_no_na":
      return text === "yes" ? t.yes : text === "no" ? t.no : t.na;
    case "scale_1_5": {
      const anchor = item.anchors[Number(json) - 1];
      return anchor ? `${json} · ${say(anchor)}` : t.step(Number(json));
    }
    case "number":
    case "duration":
      return `${showDecimal(json, locale.value)} ${unitOf(item)}`.trim();
    case "single_choice":
      return text === null ? json : optionText(text);
    case "multi_choice":
      return listOf(json).map(optionText).join(" · ") || t.noAnswer;
    default:
      return text ?? json;
  }
}
