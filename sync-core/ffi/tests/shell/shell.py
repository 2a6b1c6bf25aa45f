"""A shell in small: what Android's and iOS' do around the core. Owns HTTP, the clock, random numbers and the keys; holds no rule."""

import json
import secrets
import time
import urllib.error
import urllib.request

from keystore import Key
from phone_ffi import How, Keys, Phone, PlatformKey, device_of

CBOR = "application/cbor"


def now_ms():
    return time.time_ns() // 1_000_000


class Refused(Exception):
    """The office said no: the code of its problem, and the HTTP status."""

    def __init__(self, code, status):
        super().__init__(code)
        self.status = status


class Shell:
    """A phone, the office's address, and the keys of the platform; with none of these the core keeps its key in the folder."""

    def __init__(self, folder, address, hardware=True):
        self.folder, self.address = str(folder), address
        self.kept = [self._new_key()] if hardware else None
        self.phone = Phone.open(self.folder, self.keys(make=True))

    # ---- keys ----

    @staticmethod
    def _new_key():
        key = Key()
        return PlatformKey(secret=secrets.token_bytes(32), public_key=key.public), key

    def keys(self, make=False):
        if self.kept is None:
            return Keys.IN_FOLDER(random=secrets.token_bytes(32))
        return Keys.OF_PLATFORM(keys=[it for it, _ in self.kept], make=make)

    def sign(self, device, message):
        """With the key of a device, which is the one that was made last, or in a renewal the one before."""
        return next(key for it, key in self.kept if device_of(it) == device).sign(message)

    def reopen(self):
        """What a start of the app does."""
        self.phone.give_back()
        self.phone = Phone.open(self.folder, self.keys())

    # ---- HTTP ----

    def send(self, method, path, body, media, headers=None):
        headers = {"Content-Type": media, "Accept": media, **(headers or {})}
        token = self.phone.token()
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if media.startswith("application/octet"):
            headers["Accept"] = CBOR
        request = urllib.request.Request(self.address + path, data=body, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.read()
        except urllib.error.HTTPError as refusal:
            body = refusal.read()
            if refusal.headers.get_content_type() == CBOR:
                return body
            raise Refused(json.loads(body)["code"], refusal.code) from refusal

    def post_json(self, path, text):
        return self.send("POST", path, text.encode(), "application/json").decode()

    # ---- what the app does ----

    def enrol(self, code):
        signature = None
        if self.kept is not None:
            signature = self.sign(self.phone.device_id(), self.phone.enrolment_bytes(code))
        request = self.phone.enrolment_request(code, signature)
        self.phone.enrolled(self.post_json("/api/v1/devices/enrol", request))

    def ask(self, ask, **members):
        """One message of a screen."""
        message = {"now_ms": now_ms(), "ask": {"ask": ask, **members}}
        return json.loads(self.phone.handle(json.dumps(message)))

    def attach(self, visit, field, picture, original=None):
        facts = {"now_ms": now_ms(), "visit": visit, "field": field, "mime": "image/jpeg", "source": "camera"}
        return json.loads(self.phone.attach(json.dumps(facts), picture, original))

    def _run(self, following, answered, unreachable):
        while True:
            step = following()
            if step.is_DONE():
                return step.ended
            if step.is_SIGN():
                self.phone.sync_signed(self.sign(step.device, step.bytes))
                continue
            try:
                if step.is_SEND_PART():
                    chunk = {"Chunk-SHA256": step.hash}
                    reply = self.send("PATCH", step.path, step.body, "application/octet-stream", chunk)
                else:
                    reply = self.send("POST", step.path, step.body, CBOR)
            except OSError as why:
                unreachable(str(why))
            else:
                answered(reply)

    def hand_in(self):
        """Reports of incidents, before all else."""
        self.phone.incidents_begin()
        while not (step := self.phone.incidents_next()).is_DONE():
            if step.is_SIGN():
                self.phone.incidents_signed(self.sign(step.device, step.bytes))
                continue
            try:
                self.send("POST", step.path, step.body, "application/json")
            except Refused as refused:
                self.phone.incidents_answered(refused.status, str(refused))
            except OSError as why:
                self.phone.incidents_answered(0, str(why))
            else:
                self.phone.incidents_answered(200, "")
        return step.ended

    def exchange(self):
        """Edits, until both sides have nothing more."""
        succession = self.phone.succession()
        if succession is not None:
            said = json.loads(succession)
            named = {name: said[name] for name in ("key", "sig", "former_sig")}
            self.phone.enrolled(self.post_json("/api/v1/devices/succession", json.dumps(named)))
        self.phone.sync_begin(now_ms(), secrets.randbits(32))
        return self._run(self.phone.sync_next, self.phone.sync_answered, self.phone.sync_unreachable)

    def upload(self, rest=None):
        """Photos, after edits."""
        self.phone.upload_begin(rest, now_ms(), secrets.randbits(32))
        return self._run(self.phone.upload_next, self.phone.upload_answered, self.phone.upload_unreachable)

    def send_originals(self):
        """Pictures as the camera gave them, after all else."""
        self.phone.originals_begin(now_ms(), secrets.randbits(32))
        return self._run(self.phone.upload_next, self.phone.upload_answered, self.phone.upload_unreachable)

    def rescue(self, of):
        """What is in a rescue file of a phone or of a folder that is damaged: the records, which an app seals and saves, and what they
        hold."""
        signature, at = None, now_ms()
        while (step := of.rescue_begin(at, signature)) is not None:
            signature = self.sign(step.device, step.bytes)
        records = b""
        while (piece := of.rescue_next()) is not None:
            records += piece
        return records, of.rescue_holds()

    def renew(self):
        """Goes on as a new device, whose key is kept first."""
        if self.kept is not None:
            self.kept.append(self._new_key())
        keys, signature = self.keys(), None
        while (step := self.phone.renew(keys, signature)) is not None:
            signature = self.sign(step.device, step.bytes)

    def carry(self):
        """Everything that is to go, and everything that is new; how it ended. What is in the way of a report is in the way of nothing
        else."""
        self.hand_in()
        ended = self.exchange()
        if ended.how == How.RECOVER and ended.cause == "recover_fork":
            self.renew()
            ended = self.exchange()
        if ended.how != How.DONE:
            return ended
        photos = self.upload()
        return self.exchange() if photos.news else photos
