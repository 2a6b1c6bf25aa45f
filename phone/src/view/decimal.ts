// Decimal text: reads what a person types, with comma or point, and never lets it through a float. Owns the canonical form
// that is sent as JSON; whether a value is in bounds is the core's.

/** The canonical decimal text of what was typed; none where it is no single number. */
export function readDecimal(typed: string): string | null {
  const text = typed.trim().replace(/[\s\u00a0\u202f]/g, "").replace(/[\u2212\u2013]/g, "-").replace(",", ".");
  const found = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(text);
  if (!found) return null;
  const [, sign, whole = "", fraction = ""] = found;
  if (whole === "" && fraction === "") return null;
  const digits = whole.replace(/^0+(?=\d)/, "") || "0";
  const decimals = fraction.replace(/0+$/, "");
  const value = decimals ? `${digits}.${decimals}` : digits;
  return sign === "-" && value !== "0" ? `-${value}` : value;
}

/** Decimal text with the decimal mark of a language, for showing; digits as they are. */
export const showDecimal = (text: string, locale: string): string => (mark(locale) === "," ? text.replace(".", ",") : text);

const mark = (locale: string): string => new Intl.NumberFormat(locale).formatToParts(1.5).find((it) => it.type === "decimal")?.value ?? ".";

/** A span in a unit as decimal text: minutes to the tenth, seconds whole. Whole numbers only on the way. */
export function spanIn(unit: string, ms: number): string {
  if (unit === "s") return String(Math.max(0, Math.floor(ms / 1000)));
  const tenths = Math.max(0, Math.floor(ms / 6000));
  return tenths % 10 === 0 ? String(tenths / 10) : `${Math.floor(tenths / 10)}.${tenths % 10}`;
}
