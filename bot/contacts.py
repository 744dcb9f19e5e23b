"""A class's address book as a table: numbers masked unless somebody gives a reason."""

from collections.abc import Sequence

from handlers.texts_roster import masked_phone
from storage.roster import Student

HEADER = ("班级", "学号", "姓名", "专业", "层次", "年级", "手机", "账号")
MIN_REASON = 2


def rows(class_name: str, students: Sequence[Student], *, is_full: bool) -> list[Sequence[str]]:
    """The header, then a row a student."""
    return [
        HEADER,
        *(
            (
                class_name,
                one.student_no,
                one.name,
                one.major,
                one.level,
                one.grade,
                one.phone if is_full else masked_phone(one.phone),
                "已绑定" if one.accounts else "未绑定",
            )
            for one in students
        ),
    ]
