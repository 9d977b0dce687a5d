"""Makes metrics.txt, the golden file of tests/metrics: scores with labels, and predictions with targets, and what
scikit-learn makes of them.

    python3 make_metrics.py        (numpy, scikit-learn; writes beside itself; deterministic)
"""
import pathlib

import numpy
from sklearn import metrics


def calibration_error(probabilities, labels):
    """Guo 2017, as written there: bins of equal width, |accuracy - confidence| of each by its share of the rows."""
    certainty, right = probabilities.max(1).astype("float64"), probabilities.argmax(1) == labels
    error = 0
    for bin in range(15):
        rows = (certainty > bin / 15) & (certainty <= (bin + 1) / 15)
        if rows.any():
            error += abs(right[rows].mean() - certainty[rows].mean()) * rows.mean()
    return error


def main():
    draw = numpy.random.default_rng(5)
    labels = draw.choice(5, 40, p=[0.5, 0.2, 0.2, 0.1, 0])  # class 4 is never labelled
    scores = draw.normal(size=(40, 6)).astype("float32")  # class 5 is neither labelled nor predicted
    scores[numpy.arange(40), labels] += 1
    scores[:, 5] = -9
    target = (draw.normal(size=(30, 2)) * 3 + 1000).astype("float32")
    prediction = (target + draw.normal(size=(30, 2))).astype("float32")
    guess = scores.argmax(1)
    raised = numpy.exp(scores.astype("float64"))
    probabilities = (raised / raised.sum(1, keepdims=True)).astype("float32")
    lines = {
        "scores": scores.ravel(), "labels": labels, "target": target.ravel(), "prediction": prediction.ravel(),
        "accuracy": [metrics.accuracy_score(labels, guess)],
        "macro_f1": [metrics.f1_score(labels, guess, average="macro")],
        "top5_accuracy": [metrics.top_k_accuracy_score(labels, scores, k=5, labels=range(6))],
        "calibration_error": [calibration_error(probabilities, labels)],
        "probabilities": probabilities.ravel(),
        "mse": [metrics.mean_squared_error(target.astype("float64"), prediction.astype("float64"))],
        "mae": [metrics.mean_absolute_error(target.astype("float64"), prediction.astype("float64"))],
        "r2": [metrics.r2_score(target.astype("float64"), prediction.astype("float64"))],
    }
    text = "".join(f"{name}: " + " ".join(f"{value:.17g}" for value in values) + "\n" for name, values in lines.items())
    (pathlib.Path(__file__).resolve().parent / "metrics.txt").write_text(text)


if __name__ == "__main__":
    main()
