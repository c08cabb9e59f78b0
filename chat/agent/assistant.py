"""The assistant ``agent``: answers operators, by commands and, where there is one, a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.utils import timezone

from chat.agent import act
from chat.agent.commands import HELP, Understood, by_topic, elsewhere, understand
from chat.agent.conversation import chosen, has_files, question
from chat.agent.say import code, link, page, said
from chat.agent.toolbox import AmbiguousError, Answer, Caller, ToolError, find_tool
from chat.ids import new_id
from chat.pieces import Action, Ask, Decided, Done, Piece, Talk, ToolAnswer, ToolCall, Words

FILES = "Files and pictures are not read here: upload lists in the console."
UNKNOWN = "I did not understand that. You may mean:"
FIRST_WORDS = ("what is there to do today", "shortlist", "what will tonight cost", HELP)


class Agent:
    """Tools are domain functions with the caller's rights; what has an effect asks first."""

    graph_id = "agent"
    name = "leadgen"
    description = "Finds companies, explains the list, starts nights; asks before it acts."

    def answer(self, talk: Talk) -> Iterator[Piece]:
        """Answer the newest question by commands."""
        caller = Caller(talk.user, timezone.now())
        asked = question(talk.messages)
        if has_files(asked):
            yield Words(f"{FILES}\n\n")
        text = chosen(talk.messages)
        understood = understand(text)
        if understood is None:
            yield from _not_understood(text)
        elif understood.command.tool == HELP:
            yield from _say(help_text())
        else:
            yield from _by_command(understood, caller)

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
        yield from _say("\n\n".join(told))


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


def _by_command(understood: Understood, caller: Caller) -> Iterator[Piece]:
    tool_name = understood.command.tool
    call = ToolCall(f"call_{new_id().hex}", tool_name, understood.arguments)
    tool = find_tool(tool_name)
    try:
        if tool is not None and tool.asks:
            action = act.ask(call, caller)
            yield from ask_people("", [action])
            return
        answer = act.read(call, caller)
    except ToolError as exc:
        yield from answer_calls([(call, exc)])
        yield from _say(_trouble(exc, understood))
    else:
        yield from answer_calls([(call, answer)])
        yield from _say(answer.words)


def ask_people(words: str, actions: Sequence[Action]) -> Iterator[Piece]:
    """One message with all calls, then one question about them; the run ends here."""
    if words:
        yield Words(words)
    for action in actions:
        yield action.call
    yield Done()
    yield Ask(tuple(actions))


def answer_calls(
    results: Sequence[tuple[ToolCall, Answer | ToolError]], words: str = ""
) -> Iterator[Piece]:
    """One message with the calls, then what came of each."""
    if words:
        yield Words(words)
    for call, _ in results:
        yield call
    yield Done()
    for call, result in results:
        if isinstance(result, Answer):
            yield ToolAnswer(call, result.content)
        elif isinstance(result, AmbiguousError):
            yield ToolAnswer(call, Answer("", result.rows).content)
        else:
            yield ToolAnswer(call, str(result), is_error=True)


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
        yield from _say(f"{found.sentence}{see}")
        return
    name = " ".join(text.replace("`", "'").split())[:80]
    meant = [f"find {name}", f"why not {name}", f"find company {name}"] if name else []
    lines = [
        f"{number}. {code(each)}" for number, each in enumerate([*meant, *FIRST_WORDS], start=1)
    ]
    yield from _say("\n".join([UNKNOWN, "", *lines, "", "Answer with a number, or in such words."]))


def _say(words: str) -> Iterator[Piece]:
    yield Words(words)
    yield Done()
