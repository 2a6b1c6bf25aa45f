"""Workload W on Anki: one note an audit, one field an answer, through Anki's own sync server and client.

Arguments: FILE with a line an audit, its answers parted by tabs; FOLDER where the peers are installed; PORT of the server;
ADDRESS that the clients connect to (a counting proxy before the server, or the server itself); RUN, a folder for the data of
this run. Waits for a line on its input before the push and before the pull, and says with a line of JSON what each took: seconds
of the clock, and of a processor for the server and for the client.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request

from anki.collection import Collection

file, folder, port, address, run = sys.argv[1:6]
audits = [line.rstrip("\n").split("\t") for line in open(file, encoding="utf-8")]
base = run
os.makedirs(os.path.join(base, "server"), exist_ok=True)
environment = dict(
    os.environ,
    SYNC_USER1="bench:bench",
    SYNC_BASE=os.path.join(base, "server"),
    SYNC_HOST="127.0.0.1",
    SYNC_PORT=port,
    RUST_LOG="error",
)
server = subprocess.Popen(
    [sys.executable, "-c", "from anki.syncserver import run_sync_server; run_sync_server()"], env=environment
)


def cpu():
    fields = open(f"/proc/{server.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait():
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1)
            return
        except Exception:
            time.sleep(0.05)
    raise SystemExit("Anki's server does not answer")


def open_client(name):
    return Collection(os.path.join(base, f"{name}.anki2"))


def sync(collection):
    """A normal sync, which must not want to be a full one."""
    begun = time.perf_counter()
    out = collection.sync_collection(auth, False)
    took = time.perf_counter() - begun
    assert out.required == out.NO_CHANGES, out
    return took


try:
    wait()
    endpoint = f"http://{address}/"
    first = open_client("first")
    model = first.models.new("audit")
    for number in range(len(audits[0])):
        first.models.add_field(model, first.models.new_field(f"A{number:02}"))
    template = first.models.new_template("card")
    template["qfmt"] = "{{A00}}"
    template["afmt"] = "{{A01}}"
    first.models.add_template(model, template)
    first.models.add(model)
    auth = first.sync_login("bench", "bench", endpoint)
    # An empty server wants everything once; what is measured begins after that.
    out = first.sync_collection(auth, False)
    first.close_for_full_sync()
    first.full_upload_or_download(auth=auth, server_usn=None, upload=True)
    first.reopen(after_full_sync=True)
    second = open_client("second")
    second.close_for_full_sync()
    second.full_upload_or_download(auth=auth, server_usn=None, upload=False)
    second.reopen(after_full_sync=True)
    model = first.models.by_name("audit")
    deck = first.decks.id("Default")
    for answers in audits:
        note = first.new_note(model)
        note.fields = answers
        first.add_note(note, deck)
    print(json.dumps({"ready": run}), flush=True)
    sys.stdin.readline()
    before, own = cpu(), time.process_time()
    push = sync(first)
    middle, client = cpu(), time.process_time() - own
    print(json.dumps({"pushed": push, "server": middle - before, "client": client}), flush=True)
    sys.stdin.readline()
    middle, own = cpu(), time.process_time()
    pull = sync(second)
    after, client = cpu(), time.process_time() - own
    held = second.note_count()
    assert held == len(audits), held
    note = second.get_note(second.find_notes("")[0])
    assert len(note.fields) == len(audits[0]) and all(note.fields)
    print(json.dumps({"pulled": pull, "server": after - middle, "client": client}), flush=True)
finally:
    server.terminate()
    server.wait()
