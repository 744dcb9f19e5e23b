"""Binding: one person's accounts on two platforms become one, by a code only they have seen."""

import hashlib
import re
import secrets
from datetime import timedelta

from handlers import texts
from handlers.context import Context, Outcome, Reply
from handlers.errors import UserError

CODE_LASTS = timedelta(minutes=10)
MAX_WRONG = 5
WRONG_COUNTS_FOR = timedelta(hours=1)
_CODE = re.compile(r"\d{8}")


async def bind_account(context: Context, argument: str) -> Outcome:
    """
    「/绑定」 in private gives who is known a code; 「/绑定 12345678」 elsewhere uses it.

    Accounts of staff carry rights, so they come from the school's table only.
    """
    code = argument.replace(" ", "").replace("-", "")
    if not code:
        return await _give_code(context)
    if not _CODE.fullmatch(code):
        raise UserError(texts.binding_usage())
    return await _use_code(context, code)


async def _give_code(context: Context) -> Outcome:
    speaker = context.speaker
    if speaker.person_id is None:
        raise UserError(texts.binding_unknown())
    if speaker.duties:
        raise UserError(texts.binding_of_staff())
    code = f"{secrets.randbelow(10**8):08}"
    await context.uow.people.put_binding_code(
        speaker.person_id, _hashed(code), context.now, context.now + CODE_LASTS
    )
    return Outcome((Reply(texts.binding_code(code, int(CODE_LASTS.total_seconds() // 60))),))


async def _use_code(context: Context, code: str) -> Outcome:
    speaker = context.speaker
    if speaker.person_id is not None:
        raise UserError(texts.binding_done_before(speaker.name))
    who = f"{speaker.platform}:{speaker.user_id}"
    wrong, _ = await context.uow.supervisors.failures(
        who, "", context.now - WRONG_COUNTS_FOR, context.now
    )
    person_id = None
    if wrong < MAX_WRONG:
        person_id = await context.uow.people.take_binding_code(_hashed(code), context.now)
        if person_id is None:
            # Not raised: a refusal would take the count back with it.
            await context.uow.supervisors.add_failure(who, "binding", context.now)
    if person_id is None:
        return Outcome((Reply(texts.binding_wrong(is_last=wrong >= MAX_WRONG)),))
    await context.uow.people.bind_account(speaker.platform, speaker.user_id, person_id)
    context.uow.audit.add(
        at=context.now, actor=who, action="account.bound", target=f"person:{person_id}"
    )
    return Outcome((Reply(texts.binding_done()),))


def _hashed(code: str) -> str:
    return hashlib.sha256(f"zhuxue binding {code}".encode()).hexdigest()
