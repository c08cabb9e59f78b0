"""The assistant ``agent``: answers operators, by commands and, where there is one, a model."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils import timezone

from chat.agent import act
from chat.agent.commands import HELP, Understood, by_topic, elsewhere, understand
from chat.agent.conversation import chosen, has_files, question, text_of
from chat.agent.converse import ModelAwayError, converse
from chat.agent.say import code, link, page, said
from chat.agent.speak import answer_calls, ask_people, say
from chat.agent.toolbox import AmbiguousError, Caller, ToolError, find_tool
from chat.ids import new_id
from chat.pieces import Decided, Piece, Talk, ToolAnswer, ToolCall, Words

FILES = "Files and pictures are not read here: upload lists in the console."
AWAY = "The language model does not answer, so I go by commands."
UNKNOWN = "I did not understand that. You may mean:"
FIRST_WORDS = ("what is there to do today", "shortlist", "what will tonight cost", HELP)


class Agent:
    """Tools are domain functions with the caller's rights; what has an effect asks first."""

    graph_id = "agent"
    name = "leadgen"
    description = "Finds companies, explains the list, starts nights; asks before it acts."

    def answer(self, talk: Talk) -> Iterator[Piece]:
        """Answer the newest question: by a model where there is one, else by commands.

        A command without blanks, and one chosen by its number, mean one thing and cost no model.
        """
        caller = Caller(talk.user, timezone.now())
        asked = question(talk.messages)
        if has_files(asked):
            yield Words(f"{FILES}\n\n")
        text = chosen(talk.messages)
        understood = understand(text)
        is_certain = understood is not None and (understood.is_whole or text != text_of(asked))
        if not is_certain:
            try:
                yield from converse(talk.messages, caller)
            except ModelAwayError as exc:
                if not exc.is_quiet:
                    yield Words(f"{AWAY} {said(exc)}\n\n")
            else:
                return
        yield from _by_commands(text, understood, caller)

    def go_on(self, talk: Talk, decided: tuple[Decided, ...]) -> Iterator[Piece]:
        """Do what was decided, one by one; what fails does not keep the others."""
        caller = Caller(talk.user, timezone.now())
        told = []
        for one in decided:
            try:
                answer = act.decide(one, caller)
            except ToolError as exc:
                told.append(str(exc))
                yield ToolAnswer(one.call, str(exc), is_error=True)
            else:
                told.append(answer.words)
                yield ToolAnswer(one.call, answer.content)
        yield from say("\n\n".join(told))


def help_text() -> str:
    """What can be asked, made from the table of commands."""
    parts = ["Ask in words like these; numbers choose among what I offer."]
    for topic, commands in by_topic():
        lines = [f"- {code(one.example)}{_says(one.tool)}" for one in commands]
        parts.append("\n".join([f"**{topic}**", "", *lines]))
    parts.append("What writes, spends or sends asks you first.")
    return "\n\n".join(parts)


def _says(tool_name: str) -> str:
    tool = find_tool(tool_name)
    return f": {said(tool.says)}" if tool else ": Show this."


def _by_commands(text: str, understood: Understood | None, caller: Caller) -> Iterator[Piece]:
    if understood is None:
        yield from _not_understood(text)
    elif understood.command.tool == HELP:
        yield from say(help_text())
    else:
        yield from _by_command(understood, caller)


def _by_command(understood: Understood, caller: Caller) -> Iterator[Piece]:
    tool_name = understood.command.tool
    call = ToolCall(f"call_{new_id().hex}", tool_name, understood.arguments)
    tool = find_tool(tool_name)
    try:
        if tool is not None and tool.asks:
            action = act.ask(call, caller)
            yield from ask_people([action])
            return
        answer = act.read(call, caller)
    except ToolError as exc:
        yield from answer_calls([(call, exc)])
        yield from say(_trouble(exc, understood))
    else:
        yield from answer_calls([(call, answer)])
        yield from say(answer.words)


def _trouble(exc: ToolError, understood: Understood) -> str:
    """The sentence, with choices to go on by."""
    command = understood.command
    if isinstance(exc, AmbiguousError):
        lines = [
            f"{number}. {said(each.name)} ({said(each.note)}):"
            f" {code(understood.said_of(each.ref, name=exc.field) or each.ref)}"
            for number, each in enumerate(exc.choices, start=1)
        ]
        return "\n".join([str(exc), "", *lines, "", "Answer with a number."])
    if isinstance(exc, act.NotAllowedError):
        return str(exc)
    return f"{exc}\n\nFor example: {code(command.example)}"


def _not_understood(text: str) -> Iterator[Piece]:
    """Where it is done instead, or what could be meant."""
    if found := elsewhere(text):
        see = f" {link('Open', page(found.page))}" if found.page else ""
        yield from say(f"{found.sentence}{see}")
        return
    name = " ".join(text.replace("`", "'").split())[:80]
    meant = [f"find {name}", f"why not {name}", f"find company {name}"] if name else []
    lines = [
        f"{number}. {code(each)}" for number, each in enumerate([*meant, *FIRST_WORDS], start=1)
    ]
    yield from say("\n".join([UNKNOWN, "", *lines, "", "Answer with a number, or in such words."]))
