"""Labels as files that other programs read and write. Nothing here needs torch.

    csv_table      `path,label`                                     read, write
    jsonl          {"path": …, "label": …} a line                   read, write
    hugging_face   metadata.jsonl beside the images                 read, write
    label_studio   Label Studio's JSON                              read, write
    class_folders  <class>/x.jpg, as links or copies                read, write
    decisions      every decision ever made                         write

    exporting      what a project holds, as rows to write
    ingesting      a file of labels into a project
    proposing      what to label next, elsewhere

`read_labels` tells the format of a file by itself; `match` finds the images that its rows mean.
Every file is written aside, synchronised and renamed; every folder is made aside and renamed.
"""

from askwell.formats.class_folders import read_class_folders, write_class_folders
from askwell.formats.csv_table import read_csv, write_csv
from askwell.formats.decisions import Logged, write_decisions
from askwell.formats.hugging_face import read_hugging_face, write_hugging_face
from askwell.formats.jsonl import read_jsonl, write_jsonl
from askwell.formats.label_studio import read_label_studio, write_label_studio
from askwell.formats.matching import Matched, match
from askwell.formats.placing import How, check_place
from askwell.formats.reading import read_labels
from askwell.formats.rows import Labelled, Labels, Named
from askwell.formats.text import check_free

__all__ = [
    "How",
    "Labelled",
    "Labels",
    "Logged",
    "Matched",
    "Named",
    "check_free",
    "check_place",
    "match",
    "read_class_folders",
    "read_csv",
    "read_hugging_face",
    "read_jsonl",
    "read_label_studio",
    "read_labels",
    "write_class_folders",
    "write_csv",
    "write_decisions",
    "write_hugging_face",
    "write_jsonl",
    "write_label_studio",
]
