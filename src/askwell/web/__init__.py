"""The labelling page: a local web server that never waits for training and never loses an answer.

    app          the application: views behind the guard                             (app.py)
    project      a folder with its store, images and trainer                     (project.py)
    supervisor   keeps the trainer; switches its rankings                      (supervisor.py)
    trainer      the child process: commands in, events out                       (trainer.py)
    images       the user's files, decoded within limits and encoded anew         (images.py)
    security     one-time link, cookie, hosts, origins, content security policy (security.py)
    server       one process, one socket, an end that loses nothing                (server.py)
    schemas      what requests may hold                                          (schemas.py)
    status       the state of the project in words                                (status.py)
    known        how good the model is, by the images of the reserve               (known.py)
    tally, pace  how many are labelled, and how fast                      (tally.py, pace.py)
    curve        the learning curve as inline SVG                                   (curve.py)
    views        pages and JSON, a file each                                         (views/)
    templates, static   HTML by Jinja2; one style sheet and one ES module, no outside asset

Nothing here loads torch: the model lives in a process of its own.
"""
