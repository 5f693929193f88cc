"""
A shop and its e-mails at one server: what is told to the one, the other knows.

Needs the server and its commands: `pip install '.[cli,server]'` in clew's folder.
"""

import json
import re
import sys
from pathlib import Path
from subprocess import PIPE, Popen, check_output
from tempfile import TemporaryDirectory

from clew import Client

SEEN = {"id": "seen", "signal": "product_viewed", "aggregate": "last", "of": "data.name"}
SLOT = {"strategy": "priority", "objective": "orders", "default": "plain", "purpose": "personalise"}
POLICY = {
    "id": "pizza",
    "version": "1",
    "purposes": [{"id": "personalise", "basis": "consent"}],
    "objectives": [{"id": "orders", "signal": "order_placed"}],
    "traits": [{**SEEN, "purpose": "personalise", "plain": "the pizza you looked at"}],
    "slots": [{"id": "hero", **SLOT}, {"id": "email_subject", **SLOT}],
    "creatives": [
        {
            "id": name,
            "version": "1",
            "slots": ["hero", "email_subject"],
            "priority": priority,
            "content": {"en": {"headline": text}},
        }
        for name, priority, text in [
            ("plain", 0, "Fresh pizza"),
            ("again", 1, "Hungry for {{ computed.seen }}?"),
        ]
    ],
}
CLEW = [sys.executable, "-c", "from clew.cli import main; main()"]


def main(folder: Path) -> None:
    """Serve, speak to the server as two applications, and end the server under them."""
    made = json.loads(check_output([*CLEW, "key", "new", "--id=shop", "--scope=admin", "--json"]))
    (folder / "keys.json").write_text(json.dumps({"keys": [made["entry"]]}))
    (folder / "policy.json").write_text(json.dumps(POLICY))
    command = [*CLEW, "serve", "--port=0", f"--backend=sqlite:///{folder}/shop.db"]
    command += [f"--policy={folder}/policy.json", f"--keys={folder}/keys.json"]
    with Popen(command, stdout=PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = re.search(r"http://\S+", server.stdout.readline())
            assert address is not None
            # In production: https, and the key in the environment as CLEW_KEY.
            url = address[0].replace("http://", f"http://{made['key']}@") + "?deadline_ms=5000"
            speak(url, folder, server)
        finally:
            server.terminate()


def speak(url: str, folder: Path, server: Popen[str]) -> None:
    """Say in the shop what the e-mail then knows."""
    with Client(url, spool=folder / "shop") as shop, Client(url, spool=folder / "mail") as mail:
        shop.consent("ada", grant=["personalise"], source="signup_form")
        shop.emit("product_viewed", subject="ada", data={"name": "margherita"})
        shown = shop.decide("hero", subject="ada")
        print("the shop shows:", shown.get("headline"), "|", shown.reason)
        shop.flush()
        sent = mail.decide("email_subject", subject="ada", request_id="spring:ada")
        print("the e-mail says:", sent.get("headline"), "|", *sent.explanation.because)
        mail.report(sent, "sent")
        mail.flush()
        assert sent.get("headline") == "Hungry for margherita?"

        server.terminate()
        server.wait()
        late = shop.decide("hero", subject="ben", default={"headline": "Welcome"})
        print("without the server:", late.get("headline"), "|", late.reason)
        shop.emit("product_viewed", subject="ada", data={"name": "diavola"})
        print("kept for when it is back:", shop.flush(timeout=0.1), "signal")
        assert late.get("headline") == "Fresh pizza", "the policy's default is known without it"


if __name__ == "__main__":
    with TemporaryDirectory() as name:
        main(Path(name))
