// Made from messages.schema.json by `cargo xtask messages`; not edited by hand.

/**
 * What is asked.
 */
export type Ask =
  | {
      ask: "home";
    }
  | {
      ask: "briefing";
      /**
       * The assignment.
       */
      assignment: string;
    }
  | {
      ask: "accept";
      /**
       * The assignment.
       */
      assignment: string;
    }
  | {
      ask: "decline";
      /**
       * The assignment.
       */
      assignment: string;
      /**
       * Why, for whoever plans.
       */
      reason: string;
    }
  | {
      ask: "start";
      /**
       * The assignment.
       */
      assignment: string;
    }
  | {
      ask: "start_ad_hoc";
      /**
       * A new UUIDv7.
       */
      visit: string;
      /**
       * The branch.
       */
      branch: string;
      /**
       * The hash of the checklist.
       */
      checklist: string;
    }
  | {
      ask: "open";
      /**
       * The visit.
       */
      visit: string;
    }
  | {
      ask: "answer";
      /**
       * The visit.
       */
      visit: string;
      /**
       * The field.
       */
      field: string;
      /**
       * The answer as JSON text.
       */
      json: string;
    }
  | {
      ask: "detach";
      /**
       * The visit.
       */
      visit: string;
      /**
       * Its id, as the visit shows it.
       */
      photo: string;
    }
  | {
      ask: "resolve";
      /**
       * The visit.
       */
      visit: string;
      /**
       * The field.
       */
      field: string;
      /**
       * The answer as JSON text; `null` for none.
       */
      json: string;
    }
  | {
      ask: "versions";
      /**
       * The visit.
       */
      visit: string;
    }
  | {
      ask: "migrate";
      /**
       * The visit.
       */
      visit: string;
      /**
       * The hash of the version.
       */
      checklist: string;
    }
  | {
      ask: "review";
      /**
       * The visit.
       */
      visit: string;
    }
  | {
      ask: "submit";
      /**
       * The visit.
       */
      visit: string;
      /**
       * `seen` of the review.
       */
      seen: string;
    }
  | {
      ask: "outbox";
    }
  | {
      ask: "conflicts";
    }
  | {
      ask: "report";
      /**
       * A new UUIDv7; the same one again changes nothing.
       */
      incident: string;
      /**
       * 32 fresh random bytes, hexadecimal: of them the seal is made.
       */
      seed: string;
      /**
       * `bribe`, `violence`, `discrimination`, `danger` or `other`.
       */
      kind: string;
      /**
       * Whether its author left for safety.
       */
      left: boolean;
      /**
       * In its author's words; empty for none.
       */
      text: string;
      /**
       * The phone's time zone (IANA).
       */
      zone: string;
      /**
       * Where its author is, as far as the platform could tell at once.
       */
      position: Position | null;
      /**
       * The visit in which it happened.
       */
      visit: string | null;
    }
  | {
      ask: "incidents";
    };
/**
 * What a screen is answered.
 */
export type Reply =
  | (Home & {
      reply: "home";
    })
  | (Briefing & {
      reply: "briefing";
    })
  | (Visit & {
      reply: "visit";
    })
  | (VisitChange & {
      reply: "change";
    })
  | (Versions & {
      reply: "versions";
    })
  | (Review & {
      reply: "review";
    })
  | (Outbox & {
      reply: "outbox";
    })
  | (Conflicts & {
      reply: "conflicts";
    })
  | (Incidents & {
      reply: "incidents";
    })
  | (Refused & {
      reply: "refused";
    });
/**
 * Who visits, and as what.
 */
export type ChecklistKind = "mystery_shopper" | "mystery_citizen" | "mystery_call" | "inspection";
/**
 * Day of the week.
 */
export type Weekday = "mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun";
/**
 * Wall-clock time, HH:MM
 */
export type TimeOfDay = string;
/**
 * Condition under which sound may be recorded.
 */
export type RecordingAllowed = "never" | "only_if_announced_or_lawful";
/**
 * What of a recording is kept.
 */
export type RecordingStore = "hash_and_file" | "hash_only";
/**
 * What an answer looks like (DOMAIN.md 11).
 */
export type ItemType =
  | "yes_no"
  | "yes_no_na"
  | "scale_1_5"
  | "number"
  | "duration"
  | "single_choice"
  | "multi_choice"
  | "time"
  | "photo"
  | "text"
  | "audio"
  | "file";

export interface Messages {
  message: Message;
  reply: Reply;
  photo: Photo;
}
/**
 * A message to the phone's core. Instants are milliseconds since 1970 on the phone's clock; ids are UUIDs; answers are JSON
 * texts, so that no decimal goes through a float.
 */
export interface Message {
  /**
   * Now.
   */
  now_ms: number;
  /**
   * What is asked.
   */
  ask: Ask;
}
/**
 * A position as the platform reported it.
 */
export interface Position {
  /**
   * Latitude in 1e-7 degrees.
   */
  lat_e7: number;
  /**
   * Longitude in 1e-7 degrees.
   */
  lon_e7: number;
  /**
   * Radius of uncertainty in millimetres.
   */
  accuracy_mm: number | null;
  /**
   * When it was fixed, milliseconds since 1970.
   */
  at_ms: number | null;
}
/**
 * The first screen.
 */
export interface Home {
  /**
   * What is offered or accepted and not begun, by the last day of its window.
   */
  assignments: AssignmentCard[];
  /**
   * What was begun, the newest first; what is returned before all others.
   */
  visits: VisitCard[];
  /**
   * Branches on this phone, which can be visited unplanned too.
   */
  branches: BranchFacts[];
  /**
   * Checklists on this phone.
   */
  checklists: ChecklistCard[];
  /**
   * Whether all is on the server.
   */
  sync: SyncState;
}
/**
 * An assignment in the list.
 */
export interface AssignmentCard {
  /**
   * Its id.
   */
  id: string;
  /**
   * Where; none where the branch is not on this phone yet.
   */
  branch: BranchFacts | null;
  /**
   * The checklist's name; none where it is not on this phone, or too new for this version of the app.
   */
  title: LocalText | null;
  /**
   * Whether the checklist is on this phone but of a later version of the app.
   */
  too_new: boolean;
  /**
   * `offered`, `accepted`, ...
   */
  state: string;
  /**
   * First local date of the window.
   */
  from: string | null;
  /**
   * Last local date of the window.
   */
  to: string | null;
  /**
   * Instructions for people.
   */
  notes: string | null;
  /**
   * What was answered to the offer on this phone: `accepted` or `declined`.
   */
  word: string | null;
  /**
   * Whether the office has heard it.
   */
  sent: boolean;
  /**
   * Why it did not stand: somebody else was faster, or the office took the offer back.
   */
  refused: LocalText | null;
}
/**
 * A branch.
 */
export interface BranchFacts {
  /**
   * Its id.
   */
  id: string;
  /**
   * Its code in the organization.
   */
  code: string;
  /**
   * Its name.
   */
  name: string;
  /**
   * Its address for people.
   */
  address: string | null;
  /**
   * IANA time zone.
   */
  zone: string | null;
  /**
   * Latitude in 1e-7 degrees.
   */
  lat_e7: number | null;
  /**
   * Longitude in 1e-7 degrees.
   */
  lon_e7: number | null;
}
/**
 * A text in Spanish and English. Both are always present; neither is empty in released content.
 */
export interface LocalText {
  /**
   * Spanish, the neutral base.
   */
  es: string;
  /**
   * English.
   */
  en: string;
}
/**
 * A visit in the list.
 */
export interface VisitCard {
  /**
   * Its id.
   */
  visit: string;
  /**
   * Where.
   */
  branch: BranchFacts | null;
  /**
   * The checklist's name.
   */
  title: LocalText | null;
  /**
   * `draft`, `submitted`, `returned`, `approved`, `rejected` or `void`.
   */
  phase: string;
  /**
   * Round, from 1.
   */
  round: number;
  /**
   * Fields with an answer.
   */
  answered: number;
  /**
   * Open conflicts.
   */
  conflicts: number;
  /**
   * Photos that are not on the server.
   */
  photos: number;
  /**
   * Their bytes.
   */
  bytes: number;
  /**
   * Photos that are lost, or that the server refused.
   */
  lost: number;
  /**
   * Last local date of its window.
   */
  to: string | null;
}
/**
 * A checklist in a list.
 */
export interface ChecklistCard {
  /**
   * The hash of its content.
   */
  hash: string;
  /**
   * Its id.
   */
  id: string;
  /**
   * Its version.
   */
  version: number;
  /**
   * Its name; none where this version of the app cannot read it.
   */
  title: LocalText | null;
}
/**
 * Whether what this phone holds is on the server.
 */
export interface SyncState {
  /**
   * Edits that are not on the server.
   */
  edits: number;
  /**
   * Photos that are not on the server.
   */
  photos: number;
  /**
   * Their bytes.
   */
  bytes: number;
  /**
   * Reports of incidents that are not on the server.
   */
  incidents: number;
  /**
   * Photos that are lost, or that the server refused.
   */
  lost: number;
  /**
   * Pictures as the camera gave them that wait for a line that costs nothing; they are not among the photos.
   */
  originals: number;
  /**
   * Their bytes.
   */
  original_bytes: number;
  /**
   * Such pictures that did not fit on this phone, or went to make room for photos, of visits that are not settled.
   */
  originals_let_go: number;
  /**
   * Open conflicts.
   */
  conflicts: number;
  /**
   * Own edits that wait for a person in the office, by reason.
   */
  set_aside: {
    [k: string]: number;
  };
  /**
   * Why this phone may read no longer (`device_revoked`, `user_ended`); none where it may.
   */
  ended: string | null;
}
/**
 * What an auditor reads before a visit.
 */
export interface Briefing {
  /**
   * The assignment.
   */
  assignment: string;
  /**
   * Where.
   */
  branch: BranchFacts | null;
  /**
   * `offered`, `accepted`, ...
   */
  state: string;
  /**
   * First local date of the window.
   */
  from: string | null;
  /**
   * Last local date of the window.
   */
  to: string | null;
  /**
   * Instructions for people.
   */
  notes: string | null;
  /**
   * Who visits, and as what.
   */
  kind: ChecklistKind;
  /**
   * The checklist's name.
   */
  title: LocalText;
  /**
   * What the visit is for.
   */
  purpose: LocalText;
  /**
   * What the auditor asks for and how they behave.
   */
  scenario: LocalText;
  /**
   * How long, where, when, by when.
   */
  rules: VisitRules;
  /**
   * Sections with their questions, for whoever has to remember what to look at.
   */
  sections: SectionCard[];
  /**
   * What the programme allows on the phone.
   */
  allowed: Allows;
}
/**
 * Rules of a visit. What breaks a rule is flagged for review, never silently lost.
 */
export interface VisitRules {
  /**
   * Shorter visits are flagged, in minutes.
   */
  minutes_min: number;
  /**
   * Longer visits are flagged, in minutes.
   */
  minutes_max: number;
  /**
   * Farthest distance from the branch at arrival, in metres; absent where there is no place to be.
   */
  geofence_m?: number | null;
  /**
   * Worst position accuracy that still counts, in metres.
   */
  gps_accuracy_max_m?: number | null;
  /**
   * When a visit may begin, in the branch's time.
   */
  windows?: TimeWindow[];
  /**
   * Days before the same auditor returns to the same branch.
   */
  shopper_lockout_days: number;
  /**
   * Days between any two approved visits to a branch.
   */
  branch_spacing_days: number;
  /**
   * Hours after the visit by which it is handed in.
   */
  submit_within_hours: number;
  /**
   * Whether and how sound may be recorded; absent means never.
   */
  recording?: Recording | null;
}
/**
 * Days and hours in which a visit may begin.
 */
export interface TimeWindow {
  /**
   * Days of the week.
   */
  days: Weekday[];
  /**
   * First minute, inclusive.
   */
  from: TimeOfDay;
  /**
   * Last minute, inclusive; after `from`.
   */
  to: TimeOfDay;
}
/**
 * Whether and how sound may be recorded.
 */
export interface Recording {
  /**
   * Under which condition.
   */
  allowed: RecordingAllowed;
  /**
   * What is kept.
   */
  store: RecordingStore;
}
/**
 * A section of a checklist at a glance.
 */
export interface SectionCard {
  /**
   * Its name.
   */
  title: LocalText;
  /**
   * Its questions, asked in every visit or not.
   */
  questions: QuestionCard[];
}
/**
 * A question at a glance.
 */
export interface QuestionCard {
  /**
   * The question.
   */
  q: LocalText;
  /**
   * Whether a photo is its answer, or may be demanded beside it.
   */
  photo: boolean;
}
/**
 * What a programme allows on the phone, as far as pages act on it.
 */
export interface Allows {
  /**
   * Hiding the screen.
   */
  covert: boolean;
  /**
   * Recording sound.
   */
  audio: boolean;
  /**
   * Adding files.
   */
  files: boolean;
}
/**
 * A visit whole.
 */
export interface Visit {
  /**
   * What is asked.
   */
  form: Form;
  /**
   * How it stands.
   */
  state: State;
  /**
   * Every question, template order.
   */
  items: ItemState[];
}
/**
 * What is asked in a visit.
 */
export interface Form {
  /**
   * The visit.
   */
  visit: string;
  /**
   * Where.
   */
  branch: BranchFacts | null;
  /**
   * Who visits, and as what.
   */
  kind: ChecklistKind;
  /**
   * The checklist's name.
   */
  title: LocalText;
  /**
   * The newest version of the checklist on this phone, where the visit has an older one.
   */
  newer: number | null;
  /**
   * What the auditor asks for and how they behave.
   */
  scenario: LocalText;
  /**
   * Locale in which it is shown first.
   */
  default_locale: string;
  /**
   * How long, where, when, by when.
   */
  rules: VisitRules;
  /**
   * How large and how fine photos are kept.
   */
  photo_limits: PhotoLimits;
  /**
   * Most bytes of sound or a file.
   */
  attachment_bytes: number;
  /**
   * Sections in order.
   */
  sections: FormSection[];
}
/**
 * How large and how fine photos are sent: the phone makes them smaller before it keeps them.
 */
export interface PhotoLimits {
  /**
   * Longer edge in pixels, from 640 to 4096; a smaller photo stays as it is.
   */
  long_edge: number;
  /**
   * Quality of the JPEG in percent, from 40 to 95.
   */
  quality: number;
}
/**
 * A section.
 */
export interface FormSection {
  /**
   * One capital letter.
   */
  id: string;
  /**
   * Its name.
   */
  title: LocalText;
  /**
   * Its questions.
   */
  items: FormItem[];
}
/**
 * A question: what of an item a screen needs, without what it is worth.
 */
export interface FormItem {
  /**
   * Its id.
   */
  id: string;
  /**
   * What an answer looks like.
   */
  kind: ItemType;
  /**
   * The question.
   */
  q: LocalText;
  /**
   * How to observe it.
   */
  hint: LocalText | null;
  /**
   * Whether a visit cannot be handed in without it while it is asked.
   */
  must: boolean;
  /**
   * Whether `"na"` is an answer.
   */
  na: boolean;
  /**
   * Unit of a number or duration.
   */
  unit: string | null;
  /**
   * Smallest number, as decimal text.
   */
  min: string | null;
  /**
   * Largest number, as decimal text.
   */
  max: string | null;
  /**
   * Fewest characters of a text.
   */
  min_chars: number | null;
  /**
   * Words for the five steps of a scale.
   */
  anchors: LocalText[];
  /**
   * Options of a choice.
   */
  options: FormOption[];
  /**
   * Whether photos may stand beside the answer, or are it.
   */
  photos: boolean;
  /**
   * Whether only the camera will do for them.
   */
  camera_only: boolean;
  /**
   * Whether the position is taken with them.
   */
  gps: boolean;
  /**
   * How large and how fine its photos are kept, where it is not as in the rest of the form.
   */
  photo_limits: PhotoLimits | null;
  /**
   * Media types of the sound or the files that are its answer.
   */
  accepts: string[];
  /**
   * What to photograph.
   */
  photo_hint: LocalText | null;
  /**
   * What to write in a comment.
   */
  comment_hint: LocalText | null;
}
/**
 * An option of a choice.
 */
export interface FormOption {
  /**
   * Its id.
   */
  id: string;
  /**
   * Whether it cannot be chosen together with another.
   */
  exclusive: boolean;
  /**
   * Its name.
   */
  text: LocalText;
}
/**
 * How a visit stands.
 */
export interface State {
  /**
   * `draft`, `submitted`, `returned`, `approved`, `rejected` or `void`.
   */
  phase: string;
  /**
   * Round, from 1.
   */
  round: number;
  /**
   * Whether it takes answers.
   */
  editable: boolean;
  /**
   * By section: questions that are asked, and those of them that have an answer.
   */
  progress: Progress[];
  /**
   * What is missing or unsettled, as demands on whoever hands it in.
   */
  missing: FieldProblem[];
  /**
   * Open conflicts.
   */
  conflicts: number;
  /**
   * What the reviewer says of the whole visit, where it was returned.
   */
  returned: string[];
  /**
   * By when it is to be corrected, where it was returned.
   */
  due_ms: number | null;
  /**
   * Photos that are not on the server.
   */
  photos: number;
  /**
   * Their bytes.
   */
  bytes: number;
  /**
   * Photos that are lost, or that the server refused.
   */
  lost: number;
  /**
   * What the visit states beside its answers.
   */
  facts: Facts;
  /**
   * What the programme allows on the phone.
   */
  allowed: Allows;
  /**
   * What the visit would score as it stands, with 2 decimals, where the programme shows it and there is something to score.
   */
  preview: string | null;
}
/**
 * How far a section is.
 */
export interface Progress {
  /**
   * The section.
   */
  section: string;
  /**
   * Questions that are asked.
   */
  asked: number;
  /**
   * Those that have an answer.
   */
  answered: number;
  /**
   * Demands in it that are not met.
   */
  missing: number;
  /**
   * What it would score as it stands, where the visit has a preview and it something to score.
   */
  preview: string | null;
}
/**
 * One offending field of an input.
 */
export interface FieldProblem {
  /**
   * JSON Pointer into the input (RFC 6901); empty for the whole document.
   */
  field: string;
  /**
   * Stable machine code, snake case.
   */
  code: string;
  /**
   * What is wrong and how to mend it, in Spanish.
   */
  message_es: string;
  /**
   * What is wrong and how to mend it, in English.
   */
  message_en: string;
}
/**
 * What a visit states beside its answers, each as the JSON text that was stated.
 */
export interface Facts {
  /**
   * Of `@arrival`.
   */
  arrival: string | null;
  /**
   * Of `@departure`.
   */
  departure: string | null;
  /**
   * Of `@platform`.
   */
  platform: string | null;
  /**
   * Of `@outcome`; where there is one, the visit could not happen.
   */
  outcome: string | null;
  /**
   * Photos that prove the outcome, in `@outcome#photo`.
   */
  outcome_photos: PhotoCard[];
  /**
   * What all this and the photos are worth as evidence.
   */
  evidence: Evidence;
}
/**
 * A photo.
 */
export interface PhotoCard {
  /**
   * Its id, for taking it away.
   */
  id: string;
  /**
   * The field that it stands in.
   */
  field: string;
  /**
   * The hash of its bytes, under which they are read.
   */
  blob: string;
  /**
   * Bytes.
   */
  size: number;
  /**
   * Media type.
   */
  mime: string;
  /**
   * When it was taken.
   */
  captured_at_ms: number | null;
  /**
   * Latitude in 1e-7 degrees.
   */
  lat_e7: number | null;
  /**
   * Longitude in 1e-7 degrees.
   */
  lon_e7: number | null;
  /**
   * Radius of uncertainty in millimetres.
   */
  accuracy_mm: number | null;
  /**
   * `hashed`, `uploading`, `stored`, `durable`, `evicted`, `lost`, `refused`, `elsewhere` or `redacted`.
   */
  state: string;
  /**
   * Bytes of it that the server has, while it is on its way.
   */
  sent: number;
  /**
   * Why it is lost, or refused.
   */
  reason: string | null;
}
/**
 * What a visit is worth as evidence.
 */
export interface Evidence {
  /**
   * `low`, `medium` or `high`.
   */
  grade: string;
  /**
   * Why it is not higher, in words.
   */
  reasons: LocalText[];
}
/**
 * How a question stands.
 */
export interface ItemState {
  /**
   * The question.
   */
  id: string;
  /**
   * Whether it is asked.
   */
  visible: boolean;
  /**
   * The answer as JSON text; none where there is none.
   */
  json: string | null;
  /**
   * The comment beside it.
   */
  comment: string | null;
  /**
   * The photos beside it, or that are it.
   */
  photos: PhotoCard[];
  /**
   * Fewest photos that the answer demands beside it.
   */
  photos_wanted: number;
  /**
   * Fewest characters of a comment that the answer demands.
   */
  comment_wanted: number;
  /**
   * What a grave answer says in plain words, to be confirmed.
   */
  grave: LocalText | null;
  /**
   * Whether other values stand beside the answer or the comment.
   */
  conflict: boolean;
  /**
   * Whether the office took a value out for good.
   */
  redacted: boolean;
  /**
   * What the reviewer says of it, where the visit was returned.
   */
  returned: string[];
}
/**
 * What changed in a visit.
 */
export interface VisitChange {
  /**
   * How it stands.
   */
  state: State;
  /**
   * Questions whose state is another than last answered.
   */
  items: ItemState[];
}
/**
 * The versions that a visit may be moved to.
 */
export interface Versions {
  /**
   * The one that it has.
   */
  has: number;
  /**
   * Whether two phones stand for two versions, so that one has to be chosen; the one that it has is then among the others.
   */
  split: boolean;
  /**
   * Those it may be moved to, the newest first.
   */
  others: OtherVersion[];
}
/**
 * A version, and what a move to it does.
 */
export interface OtherVersion {
  /**
   * Hash of its content.
   */
  hash: string;
  /**
   * Its number.
   */
  version: number;
  /**
   * Answers that stay.
   */
  kept: number;
  /**
   * Answers that it does not take: they leave the visit and stay in its history.
   */
  dropped: Affected[];
  /**
   * What it demands and the version before did not.
   */
  wanted: Affected[];
}
/**
 * A question that a move concerns.
 */
export interface Affected {
  /**
   * The question; none where neither version has it.
   */
  q: LocalText | null;
  /**
   * What does not fit, or is demanded.
   */
  problem: FieldProblem;
}
/**
 * What is handed in.
 */
export interface Review {
  /**
   * The visit.
   */
  visit: string;
  /**
   * The hash of what is seen; a submit states it.
   */
  seen: string;
  /**
   * Questions that are asked.
   */
  asked: number;
  /**
   * Those that have an answer.
   */
  answered: number;
  /**
   * Photos that stand.
   */
  photos: number;
  /**
   * What is missing, each with its field.
   */
  missing: FieldProblem[];
  /**
   * Open conflicts.
   */
  conflicts: number;
  /**
   * What grave answers say in plain words: whoever hands the visit in confirms them.
   */
  grave: Grave[];
  /**
   * Whether it can be handed in.
   */
  ready: boolean;
  /**
   * What it would score as it stands, as [`crate::State::preview`].
   */
  preview: string | null;
}
/**
 * What a grave answer says.
 */
export interface Grave {
  /**
   * The question.
   */
  item: string;
  /**
   * What its answer says.
   */
  says: LocalText;
}
/**
 * What is not on the server.
 */
export interface Outbox {
  /**
   * Visits of which something is not on the server, those with the most bytes last.
   */
  visits: Waiting[];
  /**
   * All together.
   */
  sync: SyncState;
}
/**
 * A visit of which something is not on the server.
 */
export interface Waiting {
  /**
   * The visit.
   */
  visit: string;
  /**
   * Where.
   */
  branch: BranchFacts | null;
  /**
   * The checklist's name.
   */
  title: LocalText | null;
  /**
   * `draft`, `submitted`, ...
   */
  phase: string;
  /**
   * Edits that are not on the server.
   */
  edits: number;
  /**
   * Photos that are not on the server.
   */
  photos: number;
  /**
   * Their bytes.
   */
  bytes: number;
  /**
   * Photos that are lost, or that the server refused.
   */
  lost: number;
  /**
   * Own edits that wait for a person in the office, with the reasons.
   */
  set_aside: string[];
}
/**
 * Open conflicts.
 */
export interface Conflicts {
  /**
   * Each field by itself.
   */
  conflicts: Conflict[];
}
/**
 * Values that stand against each other.
 */
export interface Conflict {
  /**
   * The visit.
   */
  visit: string;
  /**
   * `field`, `late`, `fork`, `blob_lost`, `clock` or `submit`.
   */
  kind: string;
  /**
   * The field, or empty.
   */
  field: string;
  /**
   * The question; none where there is none.
   */
  q: LocalText | null;
  /**
   * The values.
   */
  values: Value[];
  /**
   * `resolve`: settled here; `migrate`: a version of the checklist is chosen here; `reviewer`: the office's; `none`.
   */
  way_out: string;
}
/**
 * One of the values.
 */
export interface Value {
  /**
   * `this_device`, `another_device` or `office`.
   */
  author: string;
  /**
   * When, by the clock of its author.
   */
  written_ms: number;
  /**
   * The answer as JSON text; none for a value taken back.
   */
  json: string | null;
}
/**
 * The reports of this phone.
 */
export interface Incidents {
  /**
   * Newest first.
   */
  incidents: IncidentCard[];
}
/**
 * A report that was made on this phone.
 */
export interface IncidentCard {
  /**
   * Its id.
   */
  id: string;
  /**
   * When it was written, milliseconds since 1970.
   */
  at_ms: number;
  /**
   * Whether it is sealed, so that not even this phone can read it.
   */
  sealed: boolean;
  /**
   * `waiting`, `sent` or `refused`; a refused one is offered again.
   */
  state: string;
}
/**
 * A refusal.
 */
export interface Refused {
  /**
   * Why, in both languages, and how to mend it.
   */
  problem: Problem;
}
/**
 * A refused input: problem details with every offending field.
 */
export interface Problem {
  /**
   * `urn:veedor:problem:<code>`.
   */
  type: string;
  /**
   * Short English title; the texts in both languages are in `errors`.
   */
  title: string;
  /**
   * HTTP status that fits the problem.
   */
  status: number;
  /**
   * Stable machine code, snake case.
   */
  code: string;
  /**
   * Every offending field; never empty.
   */
  errors: FieldProblem[];
}
/**
 * A photo to be kept, beside its bytes.
 */
export interface Photo {
  /**
   * Now.
   */
  now_ms: number;
  /**
   * The visit.
   */
  visit: string;
  /**
   * The field: a photo item (`A01`), or beside an answer (`B02#photo`).
   */
  field: string;
  /**
   * Media type.
   */
  mime: string;
  /**
   * When it was taken.
   */
  captured_at_ms: number | null;
  /**
   * Where it was taken, as far as the platform knows.
   */
  position: Position | null;
  /**
   * `camera`: the app's own; `file`: picked by a person; none where nobody says.
   */
  source: string | null;
}
