// An OpenAI-compatible endpoint whose answers grow when the test says so.
import { createServer } from 'node:http';
import { once } from 'node:events';

export class Model {
  #answers = [];
  #waiting = [];

  static async start() {
    const model = new Model();
    model.server = createServer((request, answer) => model.#take(request, answer));
    model.server.listen(0, '127.0.0.1');
    await once(model.server, 'listening');
    model.url = `http://127.0.0.1:${model.server.address().port}/v1`;
    return model;
  }

  /** The settings that make the program use it. */
  get variables() {
    return { Llm__Providers__0__Name: 'test', Llm__Providers__0__BaseUrl: this.url, Llm__Providers__0__Models: 'slow' };
  }

  /** The next request's answer, as soon as it came. */
  async asked() {
    return this.#answers.shift() ?? new Promise(done => this.#waiting.push(done));
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }

  async #take(request, answer) {
    let body = '';
    for await (const chunk of request) body += chunk;
    answer.writeHead(200, { 'content-type': 'text/event-stream' });
    const send = value => answer.write(`data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`);
    const asked = {
      messages: JSON.parse(body).messages,
      gone: once(answer, 'close'),
      say: text => send({ choices: [{ index: 0, delta: { content: text } }] }),
      finish() {
        send({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
        send('[DONE]');
        answer.end();
      },
    };
    const waiting = this.#waiting.shift();
    if (waiting) waiting(asked);
    else this.#answers.push(asked);
  }
}
