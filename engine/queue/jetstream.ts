/**
 * Tells the processes of a tenant over NATS JetStream which jobs are ready: ids and kinds, never patient data. The store's rows are the
 * truth; what is lost here is found by the next look of each process. The only place with a NATS client.
 */
import {
  type ConsumerMessages,
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamClient,
  jetstream,
  jetstreamManager,
  StorageType,
} from '@nats-io/jetstream';
import { type ConnectionOptions, connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import type { JobBell, JobKind, JobNews, Log } from '../../schemas/parts.ts';

export interface JetStreamOptions {
  /** `nats://host:4222` or `tls://host:4222`, several of one cluster. */
  servers: readonly string[];
  /** Tenants on one cluster are kept apart by it: letters, digits, `_` and `-`. */
  tenant: string;
  /** Contents of a credentials file (nsc), or a token. */
  credentials?: Buffer;
  token?: string;
  /** PEM: authorities of the servers, and this node's own certificate where they ask for it. */
  tls?: { ca?: string; cert?: string; key?: string };
  log: Log;
}

/** News that nobody fetched for so long are worth nothing any more. */
const keptMs = 60_000;
const newsMax = 10_000;
/** News of one turn go out together. */
const gatherMs = 10;
const idsMax = 100;
const kindsMax = 200;
const payloadMax = 64 * 1024;
const againMs = 2_000;
const nanos = 1_000_000;

interface Told extends JobNews {
  from: string;
}

/**
 * Opens the bell. It connects in the background and again whenever the connection is lost, so that a node starts and works without NATS.
 */
export function openJetStreamBell(options: JetStreamOptions): JobBell {
  return new JetStreamBell(options);
}

class JetStreamBell implements JobBell {
  readonly #options: JetStreamOptions;
  readonly #from = crypto.randomUUID();
  readonly #listeners = new Set<(news: JobNews) => void>();
  readonly #stream: string;
  readonly #subject: string;
  #connection: NatsConnection | undefined;
  #client: JetStreamClient | undefined;
  #news: { kinds: Set<JobKind>; ids: string[] } = { kinds: new Set(), ids: [] };
  #ringing: NodeJS.Timeout | undefined;
  #wait: { timer: NodeJS.Timeout; end(): void } | undefined;
  #closed = false;
  readonly #running: Promise<void>;

  constructor(options: JetStreamOptions) {
    this.#options = options;
    this.#stream = `MIX_${options.tenant}`;
    this.#subject = `mix.${options.tenant}.jobs`;
    this.#running = this.#run();
  }

  ring({ kinds, ids }: JobNews): void {
    for (const kind of kinds) if (this.#news.kinds.size < kindsMax) this.#news.kinds.add(kind);
    for (const id of ids) if (this.#news.ids.length < idsMax) this.#news.ids.push(id);
    this.#ringing ??= setTimeout(() => this.#send(), gatherMs);
  }

  onRing(listener: (news: JobNews) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#ringing);
    this.#listeners.clear();
    this.#wait?.end();
    await this.#connection?.close().catch(() => undefined);
    await this.#running;
  }

  #send(): void {
    this.#ringing = undefined;
    const told: Told = { from: this.#from, kinds: [...this.#news.kinds], ids: this.#news.ids };
    this.#news = { kinds: new Set(), ids: [] };
    this.#client?.publish(this.#subject, JSON.stringify(told)).catch(() => undefined);
  }

  /** Connects, listens, and begins again when that ends. */
  async #run(): Promise<void> {
    let isDown = false;
    while (!this.#closed) {
      try {
        await this.#listen(() => {
          if (isDown) this.#options.log.info({ stream: this.#stream }, 'JetStream is back');
          isDown = false;
        });
      } catch (error) {
        if (!isDown && !this.#closed)
          this.#options.log.warn(
            { stream: this.#stream, name: error instanceof Error ? error.name : 'unknown' },
            'JetStream can not be used; other processes are woken by their own looks meanwhile',
          );
        isDown = true;
      }
      this.#client = undefined;
      await this.#connection?.close().catch(() => undefined);
      this.#connection = undefined;
      if (!this.#closed) await this.#pause();
    }
  }

  async #listen(isUp: () => void): Promise<void> {
    const connection = await connect(connectionOf(this.#options));
    this.#connection = connection;
    if (this.#closed) return;
    const manager = await jetstreamManager(connection);
    const wanted = {
      name: this.#stream,
      subjects: [this.#subject],
      storage: StorageType.Memory,
      discard: DiscardPolicy.Old,
      max_msgs: newsMax,
      max_age: keptMs * nanos,
    };
    // Of processes that start at once one makes it and the others find it.
    await manager.streams.add(wanted).catch(() => manager.streams.info(this.#stream));
    const client = jetstream(connection);
    const consumer = await client.consumers.get(this.#stream, { deliver_policy: DeliverPolicy.New });
    const messages = await consumer.consume();
    this.#client = client;
    isUp();
    // What was told while nobody listened is asked for.
    this.#tell({ kinds: [], ids: [] });
    void closeWhenLost(messages, connection);
    for await (const message of messages) this.#hear(message.data);
  }

  #hear(data: Uint8Array): void {
    const told = readTold(data);
    if (told && told.from !== this.#from) this.#tell({ kinds: told.kinds, ids: told.ids });
  }

  #tell(news: JobNews): void {
    for (const listener of [...this.#listeners]) listener(news);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#wait = undefined;
        resolve();
      };
      const timer = setTimeout(end, againMs);
      this.#wait = { timer, end };
    });
  }
}

/** Ends a connection whose stream or consumer is gone. */
async function closeWhenLost(messages: ConsumerMessages, connection: NatsConnection): Promise<void> {
  const lost = new Set(['stream_not_found', 'consumer_not_found', 'consumer_deleted', 'heartbeats_missed']);
  for await (const { type } of messages.status()) if (lost.has(type)) await connection.close().catch(() => undefined);
}

/** What another process told; undefined for anything else that stands there. */
function readTold(data: Uint8Array): Told | undefined {
  if (data.length > payloadMax) return undefined;
  try {
    const told = JSON.parse(Buffer.from(data).toString()) as Partial<Told> | null;
    const isTold =
      typeof told?.from === 'string' &&
      Array.isArray(told.kinds) &&
      Array.isArray(told.ids) &&
      [...told.kinds, ...told.ids].every((text) => typeof text === 'string');
    return isTold ? (told as Told) : undefined;
  } catch {
    return undefined;
  }
}

function connectionOf({ servers, credentials, token, tls }: JetStreamOptions): ConnectionOptions {
  const options: ConnectionOptions = {
    servers: [...servers],
    name: 'mix-hie',
    // Everything is begun again after a loss: a server that was away may have lost the stream, which stands in its memory.
    reconnect: false,
    timeout: 10_000,
  };
  if (credentials) options.authenticator = credsAuthenticator(credentials);
  if (token !== undefined) options.token = token;
  if (tls) options.tls = tls;
  return options;
}
