"""What a native shell relies on: a visit from the code that enrols a phone to its approval, over the bindings that UniFFI made.

Arguments: the office's address, the password of everybody in it, the id of its auditor, a file with answers, a folder. In the end
there is what was reported, as the office has it (`sealed`, and of whom in `sealed.json`), and what rescue files hold (`records`, and
`salvaged` from the same phone) and are sealed for (`point`)."""

import hashlib
import json
import secrets
import shutil
import sys
from pathlib import Path

from office import Office
from phone_ffi import How, Keys, Phone, PhoneError, Rest, Salvage
from shell import Refused, Shell, now_ms

COMMENT = "Lo vi desde la entrada. " * 6
PHOTO_ITEM = "Z02"
INCIDENT = "01890a5d-ac96-774b-bcce-b302099a8057"


def picture(seed):
    """A picture by its first bytes; the rest does not compress."""
    noise = b"".join(hashlib.sha256(f"{seed}{it}".encode()).digest() for it in range(200))
    return b"\xff\xd8\xff\xe0" + noise


def refusal(call, *arguments):
    """The problem that a call was refused with."""
    try:
        call(*arguments)
    except PhoneError.Refused as refused:
        return refused.problem
    raise AssertionError("it was not refused")


def said(reply, what):
    assert reply["reply"] == what, reply
    return reply


def fill(shell, visit, answers):
    """Answers everything, with the comments and photos that are demanded; what was answered."""
    given = dict(answers)
    given.pop(PHOTO_ITEM)
    for field, value in given.items():
        said(shell.ask("answer", visit=visit, field=field, json=json.dumps(value)), "change")
    said(shell.attach(visit, PHOTO_ITEM, picture(PHOTO_ITEM)), "change")
    for missing in said(shell.ask("review", visit=visit), "review")["missing"]:
        field = missing["field"].lstrip("/")
        if field.endswith("#photo"):
            said(shell.attach(visit, field, picture(field)), "change")
        else:
            said(shell.ask("answer", visit=visit, field=field, json=json.dumps(COMMENT)), "change")
            given[field] = COMMENT
    return given


def begin(shell):
    """Starts the one visit that is offered."""
    (offered,) = said(shell.ask("home"), "home")["assignments"]
    return said(shell.ask("start", assignment=offered["id"]), "visit")["form"]["visit"]


def item(shell, visit, name):
    return next(it for it in shell.ask("open", visit=visit)["items"] if it["id"] == name)


def report(shell, visit, incident):
    """Reports an incident; what the phone then knows of its reports."""
    said_of_it = {"kind": "bribe", "left": True, "text": "Me pidieron dinero", "zone": "America/Mexico_City"}
    seed = secrets.token_hex(32)
    reply = shell.ask("report", incident=incident, seed=seed, visit=visit, position=None, **said_of_it)
    return said(reply, "incidents")["incidents"]


def well(ended):
    assert (ended.how, ended.problem) == (How.DONE, None), ended


def a_visit_goes_from_its_code_to_its_approval(office, auditor, answers, folder):
    planned = office.plan_a_visit(auditor, "B1")
    shell = Shell(folder / "ana", office.address)
    assert refusal(shell.phone.sync_begin, 1, 1).code == "not_enrolled"
    try:
        shell.enrol("AAAA-BBBB-CCCC")
    except Refused as refused:
        assert str(refused) == "code_not_valid", refused
    assert shell.phone.token() is None
    shell.enrol(office.code(auditor))
    well(shell.carry())

    # No network from here on.
    address, shell.address = shell.address, "http://127.0.0.1:9"
    visit = begin(shell)
    assert visit == planned
    refused = said(shell.ask("answer", visit=visit, field="A01", json='"maybe"'), "refused")
    assert refused["problem"]["code"] == "invalid_answers"
    given = fill(shell, visit, answers)
    (known,) = report(shell, visit, INCIDENT)
    assert (known["id"], known["state"], known["sealed"]) == (INCIDENT, "waiting", True), known
    assert (waits := shell.hand_in()).how == How.BACKOFF and "aviso" in waits.problem.es, waits
    ended = shell.carry()
    assert (ended.how, ended.temporary) == (How.BACKOFF, True), ended
    assert "servidor" in ended.problem.es and json.loads(ended.problem.json)["status"] == 503

    # The app is closed and opened: all is there. While it is open it is open once.
    in_use = refusal(Phone.open, shell.folder, shell.keys())
    assert (in_use.code, "otro" in in_use.es.lower()) == ("device_in_use", True), in_use
    before = shell.phone
    shell.reopen()
    assert refusal(before.handle, "{}").code == "phone_closed"
    review = said(shell.ask("review", visit=visit), "review")
    assert (review["ready"], review["missing"]) == (True, []), review
    said(shell.ask("submit", visit=visit, seen=review["seen"]), "visit")
    waiting = json.loads(shell.phone.sync_state())
    assert waiting["edits"] > 40 and waiting["photos"] > 0, waiting

    # The network is back, and costs money. What cannot wait goes first, and alone.
    shell.address = address
    handed_in = shell.hand_in()
    assert (handed_in.how, handed_in.news) == (How.DONE, True), handed_in
    opened = office.open_incident(INCIDENT, "Se recibió ahora")
    assert "report" not in opened, opened
    (folder / "sealed").write_bytes(bytes.fromhex(opened["sealed"]))
    (folder / "sealed.json").write_text(json.dumps(opened))
    assert json.loads(shell.phone.sync_state())["edits"] == waiting["edits"]
    well(shell.exchange())
    resting = shell.upload(Rest.METERED)
    assert (resting.how, resting.cause, resting.problem) == (How.PAUSED, "paused_metered", None), resting
    assert item(shell, visit, PHOTO_ITEM)["photos"][0]["state"] == "hashed"
    well(shell.carry())
    sent = json.loads(shell.phone.sync_state())
    assert [sent[it] for it in ("edits", "photos", "bytes", "lost", "set_aside")] == [0, 0, 0, 0, {}], sent

    # What the office holds is what was said here.
    there = office.visit(visit)
    assert there["state"] == "submitted", there["state"]
    values = office.answers(visit)
    for field, value in given.items():
        assert values[field] == value, (field, values.get(field), value)
    photo = item(shell, visit, PHOTO_ITEM)["photos"][0]
    assert photo["blob"] == hashlib.sha256(picture(PHOTO_ITEM)).hexdigest() and photo["state"] == "stored", photo
    assert photo["blob"] in json.dumps(office.call("reviewer", "GET", f"visits/{visit}/evidence"))
    assert shell.phone.photo(photo["blob"]) == picture(PHOTO_ITEM)

    # And what the office decides comes back.
    office.call("reviewer", "POST", f"visits/{visit}/claim", {})
    approved = office.call("reviewer", "POST", f"visits/{visit}/approve", {})
    assert approved["final"] == "63.10", approved
    well(shell.carry())
    state = said(shell.ask("open", visit=visit), "visit")["state"]
    assert (state["phase"], state["editable"], state["missing"]) == ("approved", False, []), state
    return shell


def a_folder_that_was_set_back_goes_on_as_a_new_device(office, auditor, shell):
    office.plan_a_visit(auditor, "B2")
    well(shell.carry())
    visit = begin(shell)
    well(shell.carry())
    was = shell.phone.device_id()
    shell.phone.give_back()
    shutil.copytree(shell.folder, shell.folder + ".copy")
    shell.reopen()
    shell.ask("answer", visit=visit, field="A01", json='"yes"')
    well(shell.carry())
    shell.phone.give_back()
    shutil.rmtree(shell.folder)
    shutil.move(shell.folder + ".copy", shell.folder)
    shell.reopen()
    shell.ask("answer", visit=visit, field="A02", json='"no"')
    well(shell.carry())
    assert shell.phone.device_id() != was
    shell.reopen()
    assert [item(shell, visit, it)["json"] for it in ("A01", "A02")] == ['"yes"', '"no"']
    held = office.answers(visit)
    assert (held["A01"], held["A02"]) == ("yes", "no"), held
    # Without its keys the folder is no device.
    shell.phone.give_back()
    only_old = Keys.OF_PLATFORM(keys=[shell.kept[0][0]], make=False)
    assert refusal(Phone.open, shell.folder, only_old).code == "device_without_key"


def steps_out_of_their_order_harm_nothing(office, auditor, folder):
    shell = Shell(folder / "carla", office.address)
    assert refusal(shell.phone.sync_next).code == "no_run"
    assert refusal(shell.phone.renew, shell.keys(), None).code == "no_run"
    assert refusal(shell.phone.sync_signed, b"no signature").code == "malformed"
    assert refusal(shell.phone.enrolled, "{}").code == "malformed"
    shell.enrol(office.code(auditor))
    shell.phone.sync_begin(now_ms(), 1)
    shell.phone.sync_answered(b"nothing was asked")
    refusal(shell.phone.sync_next)
    well(shell.carry())
    shell.phone.give_back()
    # A key whose database is lost is not used again.
    shutil.rmtree(shell.folder)
    assert refusal(Phone.open, shell.folder, shell.keys()).code == "no_device"


def a_phone_whose_key_the_core_keeps_needs_no_signature(office, auditor, folder):
    shell = Shell(folder / "berta", office.address, hardware=False)
    shell.enrol(office.code(auditor))
    well(shell.carry())
    office.plan_a_visit(auditor, "B3")
    well(shell.carry())
    visit = begin(shell)
    shell.ask("answer", visit=visit, field="A01", json='"no"')
    well(shell.carry())
    shell.reopen()
    assert item(shell, visit, "A01")["json"] == '"no"'
    assert office.answers(visit)["A01"] == "no"
    shell.phone.give_back()


def what_cannot_be_sent_goes_by_hand(office, auditor, folder):
    shell = Shell(folder / "diego", office.address)
    assert refusal(shell.phone.rescue_begin, now_ms(), None).code == "not_enrolled"
    assert refusal(shell.phone.rescue_next).code == "no_run"
    shell.enrol(office.code(auditor))
    office.plan_a_visit(auditor, "B4")
    well(shell.carry())
    visit = begin(shell)
    shell.ask("answer", visit=visit, field="A01", json='"no"')
    said(shell.attach(visit, PHOTO_ITEM, picture("small"), picture("large") * 3), "change")
    state = json.loads(shell.phone.sync_state())
    assert (state["photos"], state["originals"]) == (1, 1), state
    records, holds = shell.rescue(shell.phone)
    assert (holds.edits, holds.photos, holds.incidents) == (state["edits"], 1, 0), holds
    (folder / "records").write_bytes(records)
    (folder / "point").write_bytes(holds.sealed_for)
    remembered = shell.phone.remembered()

    # The same out of the folder, as where it does not open any more; meanwhile nobody else has it.
    assert refusal(Salvage.open, shell.folder, shell.keys(), remembered).code == "device_in_use"
    shell.phone.give_back()
    salvage = Salvage.open(shell.folder, shell.keys(), remembered)
    assert refusal(Phone.open, shell.folder, shell.keys()).code == "device_in_use"
    records, holds = shell.rescue(salvage)
    assert (holds.edits, holds.incidents) == (state["edits"], 0) and holds.photos > 0, holds
    (folder / "salvaged").write_bytes(records)
    salvage.give_back()
    assert refusal(salvage.rescue_next).code == "phone_closed"


def originals_go_last(office, auditor, folder):
    shell = Shell(folder / "elena", office.address)
    shell.enrol(office.code(auditor))
    office.plan_a_visit(auditor, "B5")
    well(shell.carry())
    visit = begin(shell)
    said(shell.attach(visit, PHOTO_ITEM, picture("less"), picture("more") * 3), "change")
    well(shell.carry())
    state = json.loads(shell.phone.sync_state())
    assert (state["edits"], state["photos"], state["originals"]) == (0, 0, 1), state
    well(shell.send_originals())
    assert json.loads(shell.phone.sync_state())["originals"] == 0


def main():
    address, password, auditor, answers, folder = sys.argv[1:]
    office, folder = Office(address, password), Path(folder)
    answers = json.loads(Path(answers).read_text())["ms_banco_sucursal/normal"]["answers"]
    shell = a_visit_goes_from_its_code_to_its_approval(office, auditor, answers, folder)
    a_folder_that_was_set_back_goes_on_as_a_new_device(office, auditor, shell)
    a_phone_whose_key_the_core_keeps_needs_no_signature(office, auditor, folder)
    steps_out_of_their_order_harm_nothing(office, auditor, folder)
    originals_go_last(office, auditor, folder)
    what_cannot_be_sent_goes_by_hand(office, auditor, folder)


main()
