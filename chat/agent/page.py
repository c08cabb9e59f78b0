"""The page of the documentation about the commands of the chat, made from their one table."""

from __future__ import annotations

from chat.agent.commands import HELP, Command, by_topic
from chat.agent.converse import MOST_STEPS, MOST_TOKENS, PURPOSE
from chat.agent.toolbox import Effect, find_tool
from tenants.roles import ACTIONS

HEAD = """# Commands of the chat

What the assistant `agent` understands without a language model, and with one as well. Say it in
these words or close to them; capitals, politeness and question marks do not matter. In a way to say
it, `{company}` stands for whatever you say there, `(a|b)` for one of several, `[x]` for what may be
left out. This page is made from the table in `chat/agent/commands.py` by
`manage.py write_chat_commands`; a test fails when the two differ.

A company is named by its UEN or its name. When several may be meant, the answer is a numbered list:
say the number. Companies are described by what they do, in plain words of the industry
classification or by `ssic 62`, by `in district 1, 2 and 9`, by age (`younger than three years`,
`older than 18 months`), and by year (`since 2020`, `before 2000`, `between 2015 and 2018`).

What writes, spends or sends asks first, with exact counts, and is done only after a yes. Whoever
may not do it in the console may not do it here. Every decision stands in the audit.
"""
TAIL = f"""
## With a language model

Where the tenant has a language model, whatever is no command without blanks goes to it. It is
offered the same tools, as far as the role of who asks goes, and asks people before it acts in the
same way. Each of its calls is booked with the purpose `{PURPOSE.name}` against the tenant's budget.
One answer takes at most {MOST_STEPS} calls of it and ends once {MOST_TOKENS:,} tokens were used.

It sees what was typed and what the tools answered, the latter inside marks as text of strangers;
e-mail addresses and telephone numbers are replaced by places (`[contact 1]`) on the way there and
put back on the way home. Its words are shown without pictures and without links to other sites.
When the budget is used up, the key refused or the model in trouble, the answer says so and the
commands above do the work.
"""
_EFFECTS = {Effect.READS: "", Effect.WRITES: "Writes, so it asks first.",
            Effect.SPENDS: "May spend, so it asks first.",
            Effect.SENDS: "Sends something out, so it asks first."}  # fmt: skip


def commands_page() -> str:
    """Markdown, a section for each topic."""
    parts = [HEAD]
    for topic, commands in by_topic():
        parts.append(f"\n## {topic}\n")
        parts += [_command(one) for one in commands]
    return "\n".join([*parts, TAIL])


def _command(command: Command) -> str:
    ways = "\n".join(f"- `{way}`" for way in command.ways)
    return f"### {command.example}\n\n{_says(command)}\n\n{ways}\n"


def _says(command: Command) -> str:
    if command.tool == HELP:
        return "Shows what can be asked."
    tool = find_tool(command.tool)
    if tool is None:
        return ""
    who = ", ".join(sorted(role.lower() for role in ACTIONS[tool.action])) if tool.action else ""
    said = [tool.says, _EFFECTS[tool.effect], f"For: {who}." if who else ""]
    return " ".join(part for part in said if part)
