// What the browser's side of the core has to say to people: every text of it, in Spanish and English. Problems of the store, of
// synchronising and of the server come from Rust with their own texts.

import type { Problem } from "./messages";

/** A problem on its way to whoever can tell it. */
export class Failed extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.code}: ${problem.title}`);
  }
}

function told(status: number, code: string, es: string, en: string): Problem {
  const errors = [{ field: "", code, message_es: es, message_en: en }];
  return { type: `urn:veedor:problem:${code}`, title: en, status, code, errors };
}

/** Whether a value is a problem as Rust writes it. */
export function isProblem(value: unknown): value is Problem {
  const it = value as Partial<Problem> | null;
  return typeof it === "object" && it !== null && typeof it.code === "string" && Array.isArray(it.errors);
}

/** What was thrown, as a problem: what nobody foresaw too. */
export function problemOf(thrown: unknown): Problem {
  return thrown instanceof Failed ? thrown.problem : unforeseen(thrown);
}

/** What was thrown, in the words of whoever threw it. */
export function whatOf(thrown: unknown): string {
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
}

export function unforeseen(thrown: unknown): Problem {
  const what = whatOf(thrown);
  return told(
    500,
    "app_failed",
    `La aplicación falló (${what}). Lo que ya se guardó está a salvo en este teléfono: cierre la aplicación y ábrala otra vez`,
    `the app failed (${what}). What was saved is safe on this phone: close the app and open it again`,
  );
}

export function unsupported(missing: readonly string[]): Problem {
  const what = missing.join(", ");
  return told(
    501,
    "browser_too_old",
    `Este navegador no puede guardar visitas sin red (falta: ${what}). Abra esta dirección en Chrome o Safari actualizado, sin modo incógnito`,
    `this browser cannot keep visits without a network (missing: ${what}). Open this address in an up-to-date Chrome or Safari, not in private mode`,
  );
}

// ---- the store ----

export function notOpen(): Problem {
  return told(409, "not_open", "No hay nadie elegido en este teléfono: elija quién es", "nobody is chosen on this phone: choose who you are");
}

export function storeHeld(): Problem {
  return told(
    423,
    "store_held",
    "Otra ventana de este navegador no suelta los datos. Nada se perdió: cierre las demás ventanas de Veedor y vuelva a abrir",
    "another window of this browser does not let go of the data. Nothing is lost: close Veedor's other windows and open it again",
  );
}

export function storeGone(): Problem {
  return told(
    410,
    "store_gone",
    "El navegador borró los datos de esta persona en este teléfono. Lo que ya se había enviado está a salvo en la oficina. Quite a esta persona de aquí y pida un código nuevo",
    "the browser deleted this person's data on this phone. What was sent is safe in the office. Remove this person here and ask for a new code",
  );
}

export function storeUnreadable(what: string): Problem {
  return told(
    500,
    "store_unreadable",
    `No se pueden leer los datos de esta persona en este teléfono (${what}). No se borró nada, y lo ya enviado está a salvo en la oficina. Cierre la aplicación y ábrala otra vez; si sigue igual, no borre los datos del navegador y avise a su oficina`,
    `this person's data on this phone cannot be read (${what}). Nothing was deleted, and what was sent is safe in the office. Close the app and open it again; if it stays so, do not clear the browser's data and tell your office`,
  );
}

/** A rescue file that could not be made, though the store could be read. */
export function rescueFailed(thrown: unknown): Problem {
  const what = thrown instanceof Error ? thrown.name : String(thrown);
  return told(
    507,
    "rescue_failed",
    `Este teléfono no pudo hacer el archivo de rescate (${what}). No se borró nada: libere espacio, cierre otras aplicaciones y pruebe otra vez`,
    `this phone could not make the rescue file (${what}). Nothing was deleted: make room, close other apps and try again`,
  );
}

export function noSuchProfile(): Problem {
  return told(404, "no_such_profile", "Esa persona ya no está en este teléfono", "this person is no longer on this phone");
}

export function vaultFailed(what: string): Problem {
  return told(
    500,
    "vault_failed",
    `El navegador no pudo leer o guardar las llaves de este teléfono (${what}). Nada se borró: libere espacio, cierre la aplicación y ábrala otra vez`,
    `the browser could not read or keep this phone's keys (${what}). Nothing was deleted: make room, close the app and open it again`,
  );
}

// ---- the PIN ----

export function shortPin(): Problem {
  return told(422, "pin_too_short", "El PIN necesita 6 cifras o más", "the PIN needs 6 digits or more");
}

export function wrongPin(): Problem {
  return told(
    403,
    "wrong_pin",
    "Ese no es el PIN. Nada se borra por equivocarse; después de varias veces hay que esperar",
    "this is not the PIN. Nothing is deleted by a mistake; after several there is a wait",
  );
}

export function pinMustWait(waitMs: number): Problem {
  const seconds = Math.ceil(waitMs / 1_000);
  return told(
    429,
    "pin_must_wait",
    `Espere ${seconds} segundos antes de probar otro PIN. Nada se borra`,
    `wait ${seconds} seconds before another PIN is tried. Nothing is deleted`,
  );
}

// ---- enrolment ----

export function noCode(): Problem {
  return told(
    422,
    "no_code",
    "Ahí no hay un código. Es como 7K4M-9XQ2-TB3H; pídalo a su oficina",
    "there is no code in it. It looks like 7K4M-9XQ2-TB3H; ask your office for one",
  );
}

export function otherServer(server: string): Problem {
  return told(
    409,
    "other_server",
    `Ese código es de otro servidor: ${server}. Abra ${server}/app/ en este navegador y úselo allí`,
    `this code is of another server: ${server}. Open ${server}/app/ in this browser and use it there`,
  );
}

// ---- the network ----

export function offline(): Problem {
  return told(
    503,
    "offline",
    "No hay red. Lo guardado está a salvo en este teléfono y se enviará cuando haya",
    "there is no network. What was saved is safe on this phone and will be sent once there is one",
  );
}

export function unreachable(what: string): Problem {
  return told(
    503,
    "server_unreachable",
    `No se pudo llegar al servidor (${what}). Lo guardado está a salvo en este teléfono y se enviará después. Si el Wi-Fi pide entrar con una página, ábrala en el navegador`,
    `the server could not be reached (${what}). What was saved is safe on this phone and will be sent later. If the Wi-Fi asks to sign in on a page, open it in the browser`,
  );
}

export function tooSlow(): Problem {
  return told(
    504,
    "network_too_slow",
    "La red es muy lenta y no respondió a tiempo. Lo guardado está a salvo en este teléfono; se intentará otra vez",
    "the network is very slow and did not answer in time. What was saved is safe on this phone; it will be tried again",
  );
}

export function portal(): Problem {
  return told(
    511,
    "captive_portal",
    "El Wi-Fi responde con su propia página en lugar del servidor. Abra el navegador, entre al Wi-Fi en esa página y vuelva aquí; lo guardado está a salvo",
    "the Wi-Fi answers with a page of its own instead of the server. Open the browser, sign in to the Wi-Fi on that page and come back; what was saved is safe",
  );
}

export function notVeedor(status: number): Problem {
  return told(
    502,
    "not_veedor",
    `Respondió algo que no es el servidor de Veedor (HTTP ${status}). Lo guardado está a salvo en este teléfono; se intentará otra vez`,
    `something answered that is not the Veedor server (HTTP ${status}). What was saved is safe on this phone; it will be tried again`,
  );
}

export function enrolAgain(reason: string): Problem {
  return told(
    401,
    "auth_needed",
    `El servidor ya no reconoce la sesión de este teléfono (${reason}). Pida a su oficina un código nuevo y escríbalo aquí: nada se pierde y lo guardado se envía`,
    `the server does not know this phone's session any more (${reason}). Ask your office for a new code and enter it here: nothing is lost and what was saved is sent`,
  );
}

export function appTooOld(): Problem {
  return told(
    426,
    "app_too_old",
    "Lo guardado se envió, pero esta versión de la aplicación ya no recibe lo nuevo. Toque «Actualizar», o cierre la aplicación y ábrala con red",
    "what was saved is sent, but this version of the app receives nothing new. Tap \"Update\", or close the app and open it with a network",
  );
}
