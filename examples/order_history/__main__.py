"""
From an order history to a shop that knows the usual: import, profile, decision with its reasons.

    python order_history                          a small history that is made up
    python order_history orders.csv.gz SUBJECT    your own, in the columns of map.json
"""

import csv
import random
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import clew
from clew.integrations.importing import import_file, load_map
from clew.policy import build_bundle, load_policy

HERE = Path(__file__).parent
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
GOODS = {"flour": 1.20, "yeast": 0.80, "olives": 3.10, "basil": 1.50, "mozzarella": 2.40}


def made_up(path: Path) -> Path:
    """Write 200 orders of twenty people; anna takes flour, and yeast goes with flour."""
    chance = random.Random(4)  # noqa: S311 - a toy
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(HEADER.split(","))
        for order in range(200):
            who = chance.choice(["anna"] * 5 + [f"c-{n}" for n in range(20)])
            when = datetime.now() - timedelta(days=201 - order)  # noqa: DTZ005 - a shop's own time
            taken = set(chance.sample(list(GOODS), 2))
            if who == "anna" or "flour" in taken:
                taken |= {"flour", "yeast"}
            for sku in sorted(taken):
                amount = 5 if (who, sku) == ("anna", "flour") else 1
                at = f"{when:%Y-%m-%d %H:%M:%S}"
                rows.writerow([order, sku, sku.title(), amount, at, GOODS[sku], who, "Italy"])
    return path


def worded(value: Any, *, is_age: bool) -> str:
    """Write the value of a trait: ages in days, numbers as people write them, shares by item."""
    if is_age and value is not None:
        return f"{value / 86_400:.1f} days"
    if isinstance(value, dict):
        return ", ".join(f"{share:.0%} {item}" for item, share in value["shares"].items())
    return f"{value:,.2f}".removesuffix(".00") if isinstance(value, int | float) else str(value)


def main(folder: Path, *given: str) -> None:
    """Import, and show what came of it."""
    file = Path(given[0]) if given else made_up(folder / "orders.csv")
    subject = given[1] if len(given) > 1 else "anna"
    how = load_map(HERE / "map.json")
    loaded = load_policy(HERE / "policy")
    backend = clew.open_backend("memory://", policy=build_bundle(loaded))
    with clew.Client("memory://", backend=backend) as client:
        report = import_file(
            file,
            how,
            backend,
            tenant="default",
            now=time.time(),
            dead_letters=Path("order_history.deadletter.ndjson"),
        )
        for kind in report.kinds.values():
            print(f"{kind.rows:6,} {kind.name}: {kind.plain}")
        print(
            f"{report.applied:,} signals of {len(report.subjects):,} people, {report.bad} bad rows"
        )

        known = client.profile(subject)
        print(f"\nWhat is known of {subject}: {', '.join(known.segments) or 'no segment'}")
        ages = {trait.id for trait in loaded.policy.traits if trait.aggregate == "recency"}
        for name, value in known.traits.items():
            print(f"  {name}: {worded(value, is_age=name in ages)}")

        decision = client.decide("usual_and_upsell", subject=subject)
        print(f"\nWhat {subject} is shown ({decision.reason}):")
        for item in decision.items:
            print(f"  {item.content['name']}, {item.content['price']}: {' '.join(item.because)}")
        client.report(decision, "displayed")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        try:
            main(Path(folder), *sys.argv[1:])
        except OSError as error:
            sys.exit(f"{error.filename}: {error.strerror}; name a file in the columns of map.json")
        except clew.ClewError as error:
            sys.exit(str(error))
