"""Decisions one can rely on: calibration, out-of-scope texts, gibberish; at default settings.

    python benchmarks/abstention.py --data DIR --set clinc150 [--hold-out N] [--seed S]
        [--with-examples]

Trained on the training file alone. What is out of scope: the set's own file NAME.oos_test.csv, or,
with --hold-out, N classes drawn by lot that the training does not see. --with-examples trains with
the texts of NAME.oos_train.csv as out-of-scope examples. Thresholds come from the training data;
the test files are only measured. Random characters, other languages and a line of nothing must be
abstained from on every set.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from data_sets import DataSet, find_sets
from gatewise import TextClassifier
from gatewise.base.files import write_json
from gatewise.classify.blend import Blend
from gatewise.classify.model import Reading, blend_scores, raw_scores
from gatewise.evaluate.metrics import measure
from gatewise.text.corpus import read_corpus
from gatewise.text.text_lines import open_texts
from gatewise.text.tokens import tokenize
from machine import machine_facts, package_versions

RESULTS = Path(__file__).parent / "results" / "abstention.json"
# In-scope accuracy, abstentions counted as errors, at which recall of out-of-scope is compared.
COMPARED_AT = 0.909
N_GIBBERISH = 1000
FOREIGN = (
    "Ich möchte wissen, wann mein Paket endlich ankommt.",
    "Der Zug nach Hamburg fährt heute von Gleis sieben.",
    "Kannst du mir sagen, wo der Schlüssel liegt?",
    "Je voudrais savoir pourquoi le magasin est fermé.",
    "Il pleut depuis ce matin et le jardin est inondé.",
    "Quel est le prix de cette chemise bleue ?",
    "¿Dónde está la estación de autobuses más cercana?",
    "Mi hermana vive en una casa pequeña cerca del mar.",
    "No entiendo por qué la tienda no abre los domingos.",
    "Vorrei un caffè e un cornetto alla marmellata.",
    "Il treno per Firenze è in ritardo di venti minuti.",
    "Mia nonna prepara la pasta ogni domenica.",
    "Dlaczego sklep jest dzisiaj zamknięty?",
    "Moja siostra mieszka w małym domu nad morzem.",
    "Pociąg do Krakowa odjeżdża o siódmej rano.",
    "Bugün hava çok güzel, parka gidelim mi?",
    "Kardeşim deniz kenarında küçük bir evde yaşıyor.",
    "Bu gömleğin fiyatı ne kadar acaba?",
    "Почему магазин сегодня закрыт?",
    "Моя сестра живёт в маленьком доме у моря.",
    "Поезд отправляется в семь часов утра.",
    "أين تقع أقرب محطة للحافلات؟",
    "أختي تعيش في بيت صغير بالقرب من البحر.",
    "आज मौसम बहुत अच्छा है।",
    "मेरी बहन समुद्र के पास रहती है।",
    "今日はとても天気がいいですね。",
    "妹は海の近くの小さな家に住んでいます。",
    "오늘 가게가 왜 문을 닫았나요?",
    "제 동생은 바닷가 작은 집에 삽니다.",
    "Proč je dnes obchod zavřený?",
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", dest="name", default="clinc150")
    parser.add_argument("--hold-out", type=int, default=0, metavar="N")
    parser.add_argument("--with-examples", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    (data_set,) = find_sets(options.data, [options.name], with_test=True)
    train, test, outside = records(data_set, options.hold_out, options.seed)
    examples = oos_file(data_set, "train") if options.with_examples else None
    started = time.perf_counter()
    classifier = TextClassifier(random_state=options.seed)
    classifier.fit(*train, **({"out_of_scope": examples} if examples else {}))
    found = {
        "set": options.name,
        "held_out_classes": options.hold_out,
        "examples": len(examples or ()),
        "seed": options.seed,
        "seconds": time.perf_counter() - started,
        **measured(classifier, *test, outside, options.seed),
        "machine": machine_facts(),
        "packages": package_versions(["gatewise", "torch", "scikit-learn"]),
    }
    print(json.dumps({name: found[name] for name in found if name not in ("machine", "packages")}))
    keep(options.out, found)
    return 0


def records(
    data_set: DataSet, hold_out: int, seed: int
) -> tuple[tuple[list[str], list[str]], tuple[list[str], list[str]], list[str]]:
    """Read records to learn from, in-scope records to measure on, and out-of-scope texts."""
    corpora = [read_corpus(data_set.train), read_corpus(data_set.test)]
    generator = np.random.default_rng(seed)
    classes = sorted(set(corpora[0].labels))
    unknown = set(generator.choice(classes, hold_out, replace=False).tolist())
    parts, outside = [], []
    for corpus in corpora:
        pairs = list(zip(corpus.texts, corpus.labels, strict=True))
        inside = [pair for pair in pairs if pair[1] not in unknown]
        parts.append(([text for text, _ in inside], [label for _, label in inside]))
        outside = [text for text, label in pairs if label in unknown]
    return parts[0], parts[1], outside or oos_file(data_set, "test") or []


def oos_file(data_set: DataSet, part: str) -> list[str] | None:
    path = data_set.train.with_name(f"{data_set.name}.oos_{part}.csv")
    if not path.exists():
        return None
    return [str(row.fields["text"]) for row in open_texts(path).rows()]


def measured(
    classifier: TextClassifier, texts: list[str], labels: list[str], outside: list[str], seed: int
) -> dict[str, Any]:
    reading = classifier.read(texts)
    right = classifier.classes_[reading.parts.blend.argmax(axis=1)] == np.array(labels)
    found: dict[str, Any] = {
        "accuracy": float(right.mean()),
        "coverage": float(reading.answers.mean()),
        "accuracy_abstentions_as_errors": float((right & reading.answers).mean()),
        "accuracy_of_answers": float(right[reading.answers].mean()),
        "calibration": calibration(classifier, texts, labels),
        "gibberish_abstained": gibberish(classifier, texts, seed),
    }
    if outside:
        found["out_of_scope"] = against(reading, right, classifier.read(outside))
    return found


def against(inside: Reading, right: Any, outside: Reading) -> dict[str, Any]:
    assert inside.in_scope is not None
    assert outside.in_scope is not None
    truth = np.r_[np.ones(len(right)), np.zeros(len(outside.answers))]
    sure = [np.exp(one.parts.blend.max(axis=1)) for one in (inside, outside)]
    scores = {
        "in_scope": (inside.in_scope, outside.in_scope),
        "probability_alone": (sure[0], sure[1]),
    }
    found: dict[str, Any] = {
        name: {
            "auroc": float(roc_auc_score(truth, np.r_[one, other])),
            "recall_at_accuracy": recall_at(one, right, other),
        }
        for name, (one, other) in scores.items()
    }
    return found | {"recall": float((~outside.answers).mean()), "n": len(outside.answers)}


def recall_at(inside: Any, right: Any, outside: Any) -> float | None:
    """Find the recall of out-of-scope texts where the in-scope accuracy is what is compared at."""
    thresholds = np.unique(inside)
    kept = np.array([(right & (inside >= one)).mean() for one in thresholds])
    good = thresholds[kept >= COMPARED_AT]
    return float((outside < good.max()).mean()) if len(good) else None


def calibration(classifier: TextClassifier, texts: list[str], labels: list[str]) -> dict[str, Any]:
    """Measure calibration error and Brier score, with and without temperatures."""
    model = classifier.model_
    raw = raw_scores(model, [tokenize(text, model.language) for text in texts])
    plain = Blend(ngram_weight=model.blend.ngram_weight)
    found = {}
    for name, blend in {"before": plain, "after": model.blend}.items():
        probabilities = np.exp(blend_scores(raw, blend).blend)
        one = measure(labels, list(model.labels), probabilities)
        truth = np.array(labels)[:, None] == np.array(model.labels)[None]
        found[name] = {
            "error": one.calibration.error,
            "brier": float(((probabilities - truth) ** 2).sum(axis=1).mean()),
        }
    return found


def gibberish(classifier: TextClassifier, texts: list[str], seed: int) -> dict[str, float]:
    """Tell the share of each kind of nonsense that is abstained from."""
    generator = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    made = []
    for text in generator.choice(np.array(texts, dtype=object), N_GIBBERISH):
        words = ["".join(generator.choice(letters, max(1, len(word)))) for word in text.split()]
        made.append(" ".join(words))
    symbols = ["".join(generator.choice(list("!?#$%&*()_+-=/"), 20)) for _ in range(100)]
    kinds = {"letters": made, "symbols": symbols, "languages": list(FOREIGN), "nothing": ["", " "]}
    return {kind: float((~classifier.read(some).answers).mean()) for kind, some in kinds.items()}


def keep(path: Path, found: dict[str, Any]) -> None:
    identity = ("set", "held_out_classes", "examples", "seed")
    runs = json.loads(path.read_text("utf-8")) if path.exists() else []
    runs = [run for run in runs if any(run[name] != found[name] for name in identity)]
    write_json(path, sorted([*runs, found], key=lambda run: [run[name] for name in identity]))


if __name__ == "__main__":
    sys.exit(main())
