"""The office as people in it use it, over its API: who plans visits, gives codes out and reviews."""

import json
import urllib.request


class Office:
    """An office with the organization `acme`, where a login is a role."""

    def __init__(self, address, password):
        self.address, self.password, self.tokens = address, password, {}

    def call(self, who, method, path, body=None):
        if who is not None and who not in self.tokens:
            login = {"organization": "acme", "login": who, "password": self.password}
            self.tokens[who] = self.call(None, "POST", "sessions", login)["token"]
        headers = {"Content-Type": "application/json"}
        if who is not None:
            headers["Authorization"] = f"Bearer {self.tokens[who]}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/api/v1/{path}", data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def plan_a_visit(self, auditor, branch):
        """One visit to a branch of this code; the visit's id."""
        branches = [{"code": branch, "name": f"Centro {branch}", "zone": "America/Mexico_City"}]
        at = self.call("programme_manager", "PUT", "branches", branches)["items"][0]["id"]
        visit = {
            "branch_id": at,
            "auditor_id": auditor,
            "template": {"id": "ms-banco-sucursal", "version": 1},
            "window_from": "2020-01-01",
            "window_to": "2099-12-31",
        }
        return self.call("programme_manager", "POST", "assignments", [visit])["items"][0]["audit_id"]

    def code(self, auditor):
        return self.call("admin", "POST", "devices/codes", {"user": auditor, "kind": "phone"})["code"]

    def open_incident(self, incident, reason):
        return self.call("incident_custodian", "POST", f"incidents/{incident}/open", {"reason": reason})

    def visit(self, visit):
        return self.call("reviewer", "GET", f"visits/{visit}")

    def answers(self, visit):
        """What it holds, by field."""
        items = [item for section in self.visit(visit)["sections"] for item in section["items"]]
        comments = {f"{it['id']}#comment": it.get("comment") for it in items}
        return {it["id"]: it["answer"] for it in items} | comments
