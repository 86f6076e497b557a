"""The language model: one port, and the server behind it."""

from app.io.llm.port import Model, Server


def openai_model(server: Server) -> Model:
    """Return the model of a server that speaks OpenAI's protocol."""
    # Its client library is imported when it is asked for, not before.
    from app.io.llm.openai_model import OpenAIModel

    return OpenAIModel(server)
