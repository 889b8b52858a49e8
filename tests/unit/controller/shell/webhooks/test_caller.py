"""Calls in the background: each is made once, its answer kept, and no slow one holds up another."""

import asyncio
from dataclasses import replace

from tests.support.activator.until import until

from nereid.controller.decide.webhook_calls import WebhookCall
from nereid.controller.observed.webhook_answers import WebhookAnswer
from nereid.controller.shell.webhooks.caller import MAX_CALLS, MAX_CALLS_OF_ONE, WebhookCaller

KEY = ("models", "digits")
CALL = WebhookCall(KEY, "board", "https://a.b/", "1", 0, "{}", "application/json", 5)
OTHER = replace(CALL, webhook="chat")
YES = WebhookAnswer(approved=True)


class Client:
    """Answers what it has an answer for; what is sent to it otherwise waits for ever, or fails."""

    def __init__(self, **answers: WebhookAnswer | Exception) -> None:
        self.answers = answers
        self.sent: list[WebhookCall] = []
        self.given_up = 0

    async def send(self, call: WebhookCall) -> WebhookAnswer:
        self.sent.append(call)
        answer = self.answers.get(call.webhook)
        if answer is None:
            try:
                await asyncio.sleep(3600)
            finally:
                self.given_up += 1
        if isinstance(answer, Exception):
            raise answer
        assert answer
        return answer

    async def close(self) -> None:
        pass


def made(client: Client) -> tuple[WebhookCaller, list[tuple[str, str]]]:
    ready: list[tuple[str, str]] = []
    return WebhookCaller(client, ready.append), ready  # type: ignore[arg-type]


async def test_is_made_once_and_its_answer_is_there_for_the_next_pass() -> None:
    client = Client(board=YES)
    caller, ready = made(client)
    caller.call(KEY, [CALL])
    await until(lambda: ready == [KEY])
    caller.call(KEY, [CALL])
    assert (caller.answers(KEY), client.sent) == ({CALL: YES}, [CALL])
    caller.call(KEY, [])
    assert caller.answers(KEY) == {}
    await caller.close()


async def test_calls_of_one_namespace_that_are_not_answered_hold_up_no_other() -> None:
    client = Client(chat=YES)
    caller, ready = made(client)
    for number in range(3 * MAX_CALLS):
        key = ("crowd", str(number))
        caller.call(key, [replace(CALL, key=key)])
    caller.call(KEY, [OTHER])
    await until(lambda: KEY in ready)
    assert sum(call.key[0] == "crowd" for call in client.sent) == MAX_CALLS_OF_ONE
    await caller.close()


async def test_the_next_time_is_another_call() -> None:
    client = Client(board=YES)
    caller, ready = made(client)
    caller.call(KEY, [CALL])
    await until(lambda: ready)
    again = replace(CALL, number=1)
    caller.call(KEY, [again])
    assert caller.answers(KEY) == {}
    await until(lambda: caller.answers(KEY) == {again: YES})
    await caller.close()


async def test_a_slow_one_holds_up_no_other_and_is_given_up_when_it_is_no_longer_wanted() -> None:
    client = Client(chat=YES)
    caller, ready = made(client)
    caller.call(KEY, [CALL, OTHER])
    caller.call(("models", "other"), [replace(OTHER, key=("models", "other"))])
    await until(lambda: len(ready) == 2)
    assert caller.answers(KEY) == {OTHER: YES}
    caller.forget(KEY)
    await until(lambda: client.given_up == 1)
    caller.call(KEY, [CALL])
    await until(lambda: len(client.sent) == 4)
    await caller.close()
    assert client.given_up == 2


async def test_an_error_of_the_operators_own_is_an_answer_too() -> None:
    caller, ready = made(Client(board=RuntimeError("a bug")))
    caller.call(KEY, [CALL])
    await until(lambda: ready)
    assert "failed unexpectedly: RuntimeError" in str(caller.answers(KEY)[CALL].failure)
    await caller.close()
