"""Run in llama.cpp's environment: the `openai` client, whole and streamed. openai_client ADDRESS

One JSON document an exchange: what was asked and what the client was told, by choice.
"""

import json
import sys

import openai

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is drift?"}]
PROMPT, TEXTS = "the drift of", ["hello world", "the drift"]


def say(**document):
    print(json.dumps(document), flush=True)


def usage_of(usage):
    return [usage.prompt_tokens, usage.completion_tokens, usage.total_tokens]


def chats(client):
    asked = {"model": "tiny", "messages": MESSAGES, "max_tokens": 9, "temperature": 0.5, "seed": 1}
    whole = client.chat.completions.create(**asked)
    choice = whole.choices[0]
    said = {"text": choice.message.content or "", "finish": choice.finish_reason, "usage": usage_of(whole.usage)}
    say(api="chat", id=whole.id, model=whole.model, stream=False, **said)
    for include in (True, False):
        options = {"stream_options": {"include_usage": True}} if include else {}
        texts, finish, usage, id, pieces = [], None, None, None, 0
        for chunk in client.chat.completions.create(**asked, stream=True, **options):
            id, usage = chunk.id, usage_of(chunk.usage) if chunk.usage else usage
            for part in chunk.choices:
                texts.append(part.delta.content or "")
                pieces += bool(part.delta.content)
                finish = part.finish_reason or finish
        said = {"text": "".join(texts), "finish": finish, "usage": usage, "pieces": pieces}
        say(api="chat", id=id, model="tiny", stream=True, **said)


def completions(client):
    asked = {"model": "tiny", "prompt": PROMPT, "max_tokens": 7, "seed": 2}
    whole = client.completions.create(**asked)
    said = {"text": whole.choices[0].text, "finish": whole.choices[0].finish_reason, "usage": usage_of(whole.usage)}
    say(api="completion", id=whole.id, model=whole.model, stream=False, **said)
    texts, finish, id, usage, pieces = [], None, None, None, 0
    for chunk in client.completions.create(**asked, stream=True):
        id, usage = chunk.id, usage_of(chunk.usage) if chunk.usage else usage
        for part in chunk.choices:
            texts.append(part.text)
            pieces += bool(part.text)
            finish = part.finish_reason or finish
    said = {"text": "".join(texts), "finish": finish, "usage": usage, "pieces": pieces}
    say(api="completion", id=id, model="tiny", stream=True, **said)


def responses(client):
    asked = {"model": "tiny", "input": "What is drift?", "instructions": "Be brief.", "max_output_tokens": 6}
    whole = client.responses.create(**asked)
    usage = [whole.usage.input_tokens, whole.usage.output_tokens, whole.usage.total_tokens]
    say(
        api="response",
        id=whole.id,
        model=whole.model,
        stream=False,
        text=whole.output_text,
        finish=whole.status,
        usage=usage,
    )
    final, texts = None, []
    for event in client.responses.create(**asked, stream=True):
        if event.type == "response.output_text.delta":
            texts.append(event.delta)
        final = getattr(event, "response", None) or final
    usage = [final.usage.input_tokens, final.usage.output_tokens, final.usage.total_tokens] if final.usage else None
    said = {"text": "".join(texts), "finish": final.status, "usage": usage, "pieces": sum(map(bool, texts))}
    say(api="response", id=final.id, model=final.model, stream=True, **said)


def embeddings(client):
    found = client.embeddings.create(model="tiny", input=TEXTS, encoding_format="float")
    vectors = [each.embedding for each in sorted(found.data, key=lambda each: each.index)]
    say(api="embedding", model=found.model, stream=False, vectors=vectors, prompt_tokens=found.usage.prompt_tokens)
    packed = client.embeddings.create(model="tiny", input=TEXTS)  # in base64, as this client prefers
    vectors = [list(each.embedding) for each in sorted(packed.data, key=lambda each: each.index)]
    say(api="embedding", model=packed.model, stream=False, vectors=vectors, prompt_tokens=packed.usage.prompt_tokens)


def refused(client):
    try:
        client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "the " * 40_000}])
    except openai.APIStatusError as error:
        say(api="chat", model="tiny", stream=False, status=error.status_code, error=error.body["message"])


def main(address, what):
    client = openai.OpenAI(base_url=f"http://{address}/v1", api_key="sk-none", max_retries=0)
    if what == "leave":
        # Long enough that the server is still at it when the client has gone.
        asked = {"model": "tiny", "messages": MESSAGES, "max_tokens": 20_000, "extra_body": {"ignore_eos": True}}
        stream = iter(client.chat.completions.create(**asked, stream=True))
        text = "".join(next(stream).choices[0].delta.content or "" for _ in range(5))
        client.close()
        say(api="chat", left=text)
        return
    for part in (chats, completions, responses, embeddings, refused):
        part(client)


if __name__ == "__main__":
    main(*sys.argv[1:])
