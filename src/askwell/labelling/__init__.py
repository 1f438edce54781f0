"""The model behind the labelling page: a Bayesian head that is trained while a person labels.

    worker       the process that computes features and rankings, driven over pipes   (worker.py)
    files        what it is given and what it gives back, as files                    (files.py)
    features     images → features, a batch at a time, between the commands         (background.py)
    head         labels → posterior → probabilities and uncertainty of every image    (head.py)
    choice       these → the best images by an acquisition function                   (choice.py)
    ranking      all of a snapshot in one: cold start or active, diverse, metrics     (ranking.py)
    coldstart    what to label while labels are too few for a model to choose         (coldstart.py)
    diverse      a ranking without near-duplicates                                    (diverse.py)
    intervals    accuracy, AUC and means of few images, with intervals               (intervals.py)
    estimate     what more labels would bring, whether to stop                        (estimate.py)
    model        the trained model as files that other programs read                  (model.py)
    onnx         the same for programs without torch                                  (onnx.py)

`files`, `intervals` and `estimate` need no torch. Import what you need from the module that
defines it.
"""
