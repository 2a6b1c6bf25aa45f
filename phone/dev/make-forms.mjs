// Makes the forms that the fake core shows from the real checklists. Conditions are kept as text; the fake core reads the few shapes
// that the content uses. `node dev/make-forms.mjs`
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { load } from "js-yaml";

const content = new URL("../../audit-templates/content/checklists/", import.meta.url);
const text = (it) => (it ? { es: it.es, en: it.en } : null);
const decimal = (it) => (it === undefined ? null : String(it));

function item(it) {
  const photo = it.evidence?.photo;
  const comment = it.evidence?.comment;
  return {
    form: {
      id: it.id,
      kind: it.type,
      q: text(it.q),
      hint: text(it.hint),
      must: it.required === true,
      na: it.type === "yes_no_na" || it.allow_na === true,
      unit: it.unit ?? null,
      min: decimal(it.min),
      max: decimal(it.max),
      min_chars: it.min_chars ?? null,
      anchors: (it.anchors?.es ?? []).map((es, index) => ({ es, en: it.anchors.en[index] })),
      options: (it.options ?? []).map((o) => ({ id: o.id, exclusive: o.exclusive === true, text: text(o) })),
      photos: !!photo || it.type === "photo",
      camera_only: photo?.camera_only === true,
      gps: photo?.gps === true,
      photo_limits: photo?.limits ?? null,
      accepts: [],
      photo_hint: text(photo?.hint),
      comment_hint: text(comment?.hint),
    },
    when: it.when ?? null,
    photoIf: photo ? { least: photo.min ?? (photo.required_if ? 1 : 0), when: photo.required_if ?? null } : null,
    grave: it.confirm ? { when: it.confirm.required_if, says: text(it.confirm.says) } : null,
    commentIf: comment ? { least: comment.min_chars ?? 1, when: comment.required_if ?? null } : null,
  };
}

const lists = readdirSync(content)
  .filter((it) => it.endsWith(".yaml"))
  .map((name) => load(readFileSync(new URL(name, content), "utf8")))
  .filter((it, _, all) => all.every((other) => other.id !== it.id || other.version <= it.version))
  .map((it) => ({
    id: it.id,
    kind: it.kind,
    title: text(it.title),
    purpose: text(it.purpose),
    scenario: text(it.scenario),
    default_locale: it.default_locale,
    rules: it.visit,
    sections: it.sections.map((s) => ({ id: s.id, title: text(s.title), items: s.items.map(item) })),
  }));
writeFileSync(new URL("forms.json", import.meta.url), JSON.stringify(lists));
