"""The page of labels: the queue, verdicts, what they come to, applied and taken back; and what attackers send."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from serving_runs import Served

from leadline.runs.index import RunIndex
from leadline.runs.reviews import load_reviews, load_verdicts
from leadline.runs.run import load_run
from leadline.runs.store import RunStore

LABELS = "/runs/fruit/labels"


def opened(served: Served) -> str:
    """The page once wrong labels were looked for."""
    served.post(f"{LABELS}/start")
    while "Looking for" in (page := served.get(LABELS).text):
        time.sleep(0.1)
    return page


def asked(page: str) -> int:
    [row] = re.findall(r'id="review" data-row="(\d+)"', page)
    return int(row)


def say(served: Served, row: int, verdict: str, **fields: Any):
    return served.post(f"{LABELS}/verdict", {"row": row, "verdict": verdict, "author": "me", **fields})


def settled(served: Served) -> str:
    while "Measuring again" in (page := served.get(f"{LABELS}/body").text):
        time.sleep(0.1)
    return page


def test_nothing_is_trained_before_it_is_asked_for(own: Served) -> None:
    page = own.get(LABELS).text
    assert "Which labels are wrong?" in page and 'data-act="start"' in page
    assert not (own.root / "fruit" / "out_of_fold.npz").exists()
    assert say(own, 1, "keep").status == 400
    assert asked(opened(own)) >= 0
    assert (own.root / "fruit" / "out_of_fold.npz").exists()


def test_the_page_does_not_tell_suspects_from_others(own: Served) -> None:
    """T3.11: neither suggestion nor credibility is there before the verdict; both are after it."""
    page = opened(own)
    assert "have not seen it say" not in page and "suspect" not in page
    row = asked(page)
    say(own, row, "keep")
    assert "have not seen it say" in own.get(f"{LABELS}?row={row}").text


def test_verdicts_are_counted_applied_and_taken_back(own: Served) -> None:
    """T3.11: what they mean for dev is shown before they are applied, and is what is measured then."""
    page, before = opened(own), load_run("fruit", own.root).errors
    labels = load_run("fruit", own.root).predictions().column("label").to_pylist()
    row, changed = asked(page), 0
    for k in range(30):
        label = re.findall(r"Labelled <b>(\w+)</b>", page)[0]
        other = "plum" if label == "pear" else "pear"
        answer = say(own, row, "change", new=other) if k % 3 else say(own, row, "keep")
        assert answer.status == 200
        changed += k % 3 > 0
        page, row = answer.json()["html"], answer.json()["row"]
    assert f"{30 - changed}</b> kept" in page and f"{changed}</b> changed" in page
    assert "30</b> verdicts wait" in page and ">30</b> of " in page
    shown = re.findall(r"<b>([\d.]+)[^<]*</b><small>", page.split('id="effect"')[1])[0]
    own.post(f"{LABELS}/apply")
    assert "30</b> are in force" in settled(own)
    run = load_run("fruit", own.root)
    assert len(load_reviews(run.folder)) == 30 and len(load_verdicts(run.folder)) == 0
    assert f"{100 * run.errors['dev'].value:.1f}" == shown
    assert run.predictions().column("label").to_pylist() != labels
    own.post(f"{LABELS}/back")
    assert "30</b> verdicts wait" in settled(own)
    assert load_run("fruit", own.root).errors == before
    assert RunIndex(RunStore(own.root)).label_reviews() == []


def test_undo_leads_back_to_the_label(own: Served) -> None:
    row = asked(opened(own))
    following = say(own, row, "unsure").json()["row"]
    assert following != row
    undone = own.post(f"{LABELS}/undo", {"author": "me"}).json()
    assert undone["row"] == row and "Undone" in undone["said"]
    assert not (own.root / "fruit" / "label_verdicts.csv").exists()
    assert "nothing of yours" in own.post(f"{LABELS}/undo", {"author": "me"}).json()["said"]


def test_two_pages_at_once_see_each_others_verdicts(own: Served) -> None:
    row = asked(opened(own))
    say(own, row, "keep", author="left")
    assert asked(own.get(LABELS).text) != row
    say(own, row, "unsure", author="right")
    assert "it stays" in own.post(f"{LABELS}/undo", {"author": "left"}).json()["said"]
    assert [review.verdict for review in load_verdicts(load_run("fruit", own.root).folder)] == ["unclear"]


def test_dev_and_test_come_first_and_all_sets_when_asked_for(own: Served) -> None:
    page = opened(own)
    run = load_run("fruit", own.root)
    decisive = {*run.split["dev"].tolist(), *run.split["test"].tolist()}
    strip = {int(row) for row in re.findall(r'<button type="button" data-row="(\d+)"', page)}
    assert strip <= decisive
    every = {
        int(row) for row in re.findall(r'<button type="button" data-row="(\d+)"', own.get(f"{LABELS}?sets=all").text)
    }
    assert not every <= decisive


def test_nothing_to_apply_is_said(own: Served) -> None:
    opened(own)
    answer = own.post(f"{LABELS}/apply").json()["html"]  # tells it already where the work was quick
    assert "No verdicts" in answer or "No verdicts" in settled(own)
    assert "No verdicts" not in own.get(f"{LABELS}/body").text


def test_a_regression_has_no_page_of_labels(served: Served) -> None:
    answer = served.get("/runs/houses/labels")
    assert answer.status == 400 and "one class each" in answer.text and "--export labels.csv" in answer.text
    assert "/labels" not in served.get("/runs/houses").text


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"row": "-1"}, 404),
        ({"row": "9" * 30}, 404),
        ({"row": "599999"}, 404),
        ({"row": "../1"}, 404),
        ({"verdict": "<script>"}, 400),
        ({"verdict": "change", "new": "<img src=x>"}, 400),
        ({"verdict": "change"}, 400),
        ({"author": "a b"}, 400),
    ],
)
def test_strange_fields_change_nothing(own: Served, fields: dict[str, str], status: int) -> None:
    row = asked(opened(own))
    good = {"row": str(row), "verdict": "keep", "author": "me"}
    answer = own.post(f"{LABELS}/verdict", good | fields)
    assert answer.status == status and "Traceback" not in answer.text
    assert not (own.root / "fruit" / "label_verdicts.csv").exists()


@pytest.mark.parametrize("action", ["start", "verdict", "undo", "apply", "back"])
def test_a_change_needs_the_pages_secret_and_a_post(own: Served, action: str) -> None:
    fields = {"row": 1, "verdict": "keep", "author": "me"}
    assert own.post(f"{LABELS}/{action}", fields, **{"X-CSRF-Token": "0"}).status == 403
    assert own.get(f"{LABELS}/{action}").status in (404, 405)
    assert not (own.root / "fruit" / "out_of_fold.npz").exists()


def test_strange_addresses(served: Served) -> None:
    for query in ("row=-1", "row=1e9", "row=..%2f", "row=%00", "row=" + "9" * 50):
        assert served.get(f"{LABELS}?{query}").status == 404
    assert served.get(f"{LABELS}?sets=%3Cb%3E").status == 200
