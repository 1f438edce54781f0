"""The pages and the JSON behind them, a file for each.

session      the way in, who labels, settings, backups   (session.py)
desk         next images, decisions, undo, opinion       (desk.py)
pictures     images and thumbnails by id                 (pictures.py)
gallery      what was labelled, filtered, for review     (gallery.py)
progress     the learning curve                          (progress.py)
agreement    between annotators; adjudication            (agreement.py)
classes      add, rename, merge, shortcuts               (classes.py)
problems     files that cannot be labelled               (problems.py)
"""
