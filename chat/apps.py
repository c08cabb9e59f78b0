from django.apps import AppConfig
from django.conf import settings


class ChatConfig(AppConfig):
    name = "chat"
    verbose_name = "Chat"

    def ready(self) -> None:
        from chat.agent import toolbox  # noqa: PLC0415 -- needs loaded apps
        from chat.agent.assistant import Agent  # noqa: PLC0415 -- as above
        from chat.assistants import register  # noqa: PLC0415 -- as above
        from chat.selftest import SelfTest  # noqa: PLC0415 -- as above

        toolbox.add_source("chat.agent.tools.offer_tools")
        register(Agent())
        if settings.CHAT_SELFTEST:
            register(SelfTest())
