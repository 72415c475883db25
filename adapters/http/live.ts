/** Live notes for open pages: Server-Sent Events (WHATWG HTML 9.2), ids and counts only. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { MixError } from '../../schemas/errors/index.ts';
import type { LiveNote, PortalEngine } from '../../schemas/portal.ts';
import { admittedOf, tokenOf } from './session.ts';

export interface LiveOptions {
  secure: boolean;
  streamsMax: number;
  /** Notes are gathered this long, so that a burst is one event. Milliseconds. */
  gatherMs: number;
  /** How often a quiet stream shows that it lives and looks whether its session does. Milliseconds. */
  heartbeatMs: number;
}

const NOTE_ITEMS_MAX = 200;
const UNSENT_BYTES_MAX = 256 * 1024;

/** Mounts `GET /api/live`; returns what ends every open stream. */
export function mountLive(app: FastifyInstance, engine: PortalEngine, options: LiveOptions): () => void {
  const open = new Set<() => void>();
  app.get('/api/live', async (request, reply) => {
    const subject = admittedOf(request);
    const token = tokenOf(request, options.secure) ?? '';
    if (open.size >= options.streamsMax) throw new MixError('http.too-many-streams');
    const send = startStream(reply);
    let gathered: LiveNote | undefined;
    const flush = setInterval(() => {
      if (gathered === undefined) return;
      if (!send(`event: note\ndata: ${JSON.stringify(gathered)}\n\n`)) end();
      gathered = undefined;
    }, options.gatherMs);
    const heartbeat = setInterval(() => void beat(), options.heartbeatMs);
    const stop = engine.subscribe(subject, (note) => {
      gathered = gather(gathered, note);
    });
    async function beat(): Promise<void> {
      const still = await engine.admit(token, { touch: false }).catch(() => undefined);
      if (still === undefined) {
        send('event: ended\ndata: {}\n\n');
        end();
      } else if (!send(': still here\n\n')) end();
    }
    function end(): void {
      if (!open.delete(end)) return;
      stop();
      clearInterval(flush);
      clearInterval(heartbeat);
      reply.raw.end();
    }
    open.add(end);
    request.raw.on('close', end);
    return reply;
  });
  return () => {
    for (const end of [...open]) end();
  };
}

/** Takes the answer over from fastify; the returned function is false when the reader is gone or does not keep up. */
function startStream(reply: FastifyReply): (text: string) => boolean {
  reply.hijack();
  const headers = reply.getHeaders();
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) reply.raw.setHeader(name, value);
  reply.raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  reply.raw.write('retry: 3000\n\n');
  return (text) => {
    if (reply.raw.destroyed || reply.raw.writableLength > UNSENT_BYTES_MAX) return false;
    reply.raw.write(text);
    return true;
  };
}

/** Joins notes; the newest of each kind stay when there are more than a page can use. */
export function gather(old: LiveNote | undefined, note: LiveNote): LiveNote {
  const joined: LiveNote = {
    messages: [...(old?.messages ?? []), ...note.messages].slice(-NOTE_ITEMS_MAX),
    persons: [...new Set([...(old?.persons ?? []), ...note.persons])].slice(-NOTE_ITEMS_MAX),
    documents: [...new Set([...(old?.documents ?? []), ...note.documents])].slice(-NOTE_ITEMS_MAX),
  };
  if (old?.overview === true || note.overview === true) joined.overview = true;
  return joined;
}
