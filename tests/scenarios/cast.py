"""Who is in every scenario: two classes, two tutors, three students, a supervisor of the unit, and
somebody nobody knows."""

from datetime import datetime

from storage.vocabulary import SHANGHAI

START = datetime(2026, 12, 1, 9, 0, tzinfo=SHANGHAI)
CLASSES = ("计算机2301", "会计2302")
TUTORS = {"王敏": ("计算机2301", "会计2302"), "赵强": ("会计2302",)}
STUDENTS = {"小李": "计算机2301", "小张": "计算机2301", "小周": "会计2302"}
#: Of the unit both classes belong to.
UNIT = "市开大"
SUPERVISORS = ("孙督导",)
#: Whom tutors pass questions on to, and the department they answer for.
CONTACTS = {"孙洁": "学籍"}
STRANGERS = ("路人",)
PEOPLE = (*TUTORS, *STUDENTS, *SUPERVISORS, *CONTACTS, *STRANGERS)
