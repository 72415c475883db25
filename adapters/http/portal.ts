/** The portal's API: shapes in `schemas/portal.ts`, every answer from the engine, which authorizes and audits. */
import type { FastifyInstance } from 'fastify';
import type { MessageRow, PortalEngine } from '../../schemas/portal.ts';
import { writeMessagesCsv } from './csv.ts';
import {
  alertFilter,
  atAsk,
  auditFilter,
  deliveryFilter,
  elsewhereParams,
  historyFilter,
  idParams,
  linkAsk,
  matchAsk,
  matchFilter,
  mergeAsk,
  messageFilter,
  noteAsk,
  parkedFilter,
  patientFilter,
  readInput,
  reasonAsk,
  rerunAsk,
  resendAsk,
  searchAsk,
  secretAsk,
  unlinkAsk,
  unmergeAsk,
} from './inputs.ts';
import { admittedOf, clearSession, tokenOf } from './session.ts';

export interface PortalOptions {
  secure: boolean;
  /** Largest corrected message, in bytes of the JSON body. */
  correctionBytesMax: number;
}

const CSV_PAGE = 500;
const CSV_PAGES_MAX = 20;

/** Mounts every `/api` route but sign-in and the live stream. */
export function mountPortal(app: FastifyInstance, engine: PortalEngine, options: PortalOptions): void {
  mountSelf(app, engine, options);
  mountMessages(app, engine, options);
  mountPatients(app, engine);
  mountNode(app, engine);
  mountExchange(app, engine);
  mountIdentity(app, engine);
}

function mountSelf(app: FastifyInstance, engine: PortalEngine, { secure }: PortalOptions): void {
  app.get('/api/me', { config: { beforeSecret: true } }, (request) => engine.me(admittedOf(request)));
  app.post('/api/sign-out', { config: { beforeSecret: true } }, async (request, reply) => {
    const token = tokenOf(request, secure);
    if (token !== undefined) await engine.signOut(token);
    clearSession(request, reply, secure);
    return reply.code(204).send();
  });
  app.post('/api/secret', { config: { beforeSecret: true } }, async (request, reply) => {
    const { old, fresh } = readInput(secretAsk, request.body);
    await engine.changeSecret(admittedOf(request), old, fresh);
    return reply.code(204).send();
  });
}

function mountMessages(app: FastifyInstance, engine: PortalEngine, options: PortalOptions): void {
  app.get('/api/messages', (request) => engine.messages(admittedOf(request), readInput(messageFilter, request.query)));
  app.get('/api/messages.csv', async (request, reply) => {
    const { cursor: _start, limit: _page, ...filter } = readInput(messageFilter, request.query);
    const rows: MessageRow[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < CSV_PAGES_MAX; page += 1) {
      const listing = await engine.messages(admittedOf(request), { ...filter, cursor, limit: CSV_PAGE });
      rows.push(...listing.rows);
      cursor = listing.next;
      if (cursor === undefined) break;
    }
    reply.header('content-disposition', 'attachment; filename="messages.csv"');
    return reply.type('text/csv; charset=utf-8').send(writeMessagesCsv(rows));
  });
  app.get('/api/messages/:id', (request) =>
    engine.message(admittedOf(request), readInput(idParams, request.params).id),
  );
  app.get('/api/messages/:id/bytes', async (request, reply) => {
    const { id } = readInput(idParams, request.params);
    const { bytes } = await engine.messageBytes(admittedOf(request), id);
    reply.header('content-disposition', `attachment; filename="message-${id.replaceAll(':', '-')}.hl7"`);
    return reply.type('application/octet-stream').send(Buffer.from(bytes));
  });
  app.get('/api/messages/:id/record', (request) =>
    engine.record(admittedOf(request), readInput(idParams, request.params).id),
  );
  app.post('/api/messages/:id/rerun', { bodyLimit: options.correctionBytesMax }, (request) => {
    const { id } = readInput(idParams, request.params);
    return engine.rerun(admittedOf(request), id, readInput(rerunAsk, request.body));
  });
}

function mountPatients(app: FastifyInstance, engine: PortalEngine): void {
  app.get('/api/patients', (request) => engine.patients(admittedOf(request), readInput(patientFilter, request.query)));
  app.get('/api/patients/:id', (request) =>
    engine.patient(admittedOf(request), readInput(idParams, request.params).id),
  );
  app.get('/api/patients/:id/bundle', (request) =>
    engine.patientBundle(admittedOf(request), readInput(idParams, request.params).id),
  );
  app.post('/api/patients/:id/document', (request) =>
    engine.makeDocument(admittedOf(request), readInput(idParams, request.params).id),
  );
  app.get('/api/entries/:id/history', (request) =>
    engine.entryHistory(admittedOf(request), readInput(idParams, request.params).id),
  );
  app.get('/api/documents/:id', (request) =>
    engine.document(admittedOf(request), readInput(idParams, request.params).id),
  );
  app.get('/api/documents/:id/xml', async (request, reply) => {
    const { id } = readInput(idParams, request.params);
    const { xml } = await engine.document(admittedOf(request), id);
    reply.header('content-disposition', `attachment; filename="ccd-${id.replaceAll(':', '-')}.xml"`);
    return reply.type('application/xml').send(xml);
  });
}

function mountNode(app: FastifyInstance, engine: PortalEngine): void {
  app.get('/api/overview', (request) => engine.overview(admittedOf(request)));
  app.get('/api/sources', (request) => engine.sources(admittedOf(request)));
  app.get('/api/parked', (request) =>
    engine.parked(admittedOf(request), readInput(parkedFilter, request.query).cursor),
  );
  app.get('/api/audit', (request) => engine.audit(admittedOf(request), readInput(auditFilter, request.query)));
  app.get('/api/search', (request) => engine.search(admittedOf(request), readInput(searchAsk, request.query).q));
}

function mountExchange(app: FastifyInstance, engine: PortalEngine): void {
  app.get('/api/exchange', (request) => engine.exchange(admittedOf(request)));
  app.get('/api/deliveries', (request) =>
    engine.deliveries(admittedOf(request), readInput(deliveryFilter, request.query)),
  );
  app.get('/api/deliveries/:id', (request) =>
    engine.delivery(admittedOf(request), readInput(idParams, request.params).id),
  );
  app.post('/api/deliveries/resend', (request) =>
    engine.resend(admittedOf(request), readInput(resendAsk, request.body)),
  );
  app.get('/api/patients/:id/registry', (request) =>
    engine.registry(admittedOf(request), readInput(idParams, request.params).id),
  );
  app.get('/api/patients/:id/elsewhere', (request) =>
    engine.elsewhere(admittedOf(request), readInput(idParams, request.params).id),
  );
  app.get('/api/patients/:id/elsewhere/:document', (request) => {
    const { id, document } = readInput(elsewhereParams, request.params);
    return engine.documentElsewhere(admittedOf(request), id, document);
  });
  app.post('/api/documents/:id/withdraw', async (request, reply) => {
    const { id } = readInput(idParams, request.params);
    await engine.withdraw(admittedOf(request), id, readInput(reasonAsk, request.body).reason);
    return reply.code(204).send();
  });
  app.get('/api/settings', (request) => engine.settings(admittedOf(request)));
  app.get('/api/alerts', (request) => engine.alerts(admittedOf(request), readInput(alertFilter, request.query)));
  app.post('/api/alerts/:id/acknowledge', async (request, reply) => {
    const { id } = readInput(idParams, request.params);
    await engine.acknowledge(admittedOf(request), id, readInput(noteAsk, request.body).note);
    return reply.code(204).send();
  });
}

/** The work list of the patient index, decisions about identities, and their history. */
function mountIdentity(app: FastifyInstance, engine: PortalEngine): void {
  app.get('/api/matches', (request) => engine.matches(admittedOf(request), readInput(matchFilter, request.query)));
  app.get('/api/matches/:id', (request) => engine.match(admittedOf(request), readInput(idParams, request.params).id));
  app.post('/api/matches/:id/decide', (request) =>
    engine.decideMatch(admittedOf(request), readInput(idParams, request.params).id, readInput(matchAsk, request.body)),
  );
  app.post('/api/matches/:id/undo', (request) =>
    engine.undoMatch(admittedOf(request), readInput(idParams, request.params).id, readInput(reasonAsk, request.body)),
  );
  app.post('/api/identity/link', (request) =>
    engine.linkPersons(admittedOf(request), readInput(linkAsk, request.body)),
  );
  app.post('/api/identity/unlink', (request) =>
    engine.unlinkRecord(admittedOf(request), readInput(unlinkAsk, request.body)),
  );
  app.post('/api/identity/merge', (request) =>
    engine.mergePersons(admittedOf(request), readInput(mergeAsk, request.body)),
  );
  app.post('/api/identity/unmerge', (request) =>
    engine.unmergePerson(admittedOf(request), readInput(unmergeAsk, request.body)),
  );
  app.get('/api/patients/:id/history', (request) =>
    engine.identityHistory(
      admittedOf(request),
      readInput(idParams, request.params).id,
      readInput(historyFilter, request.query).cursor,
    ),
  );
  app.get('/api/patients/:id/at', (request) =>
    engine.personAt(admittedOf(request), readInput(idParams, request.params).id, readInput(atAsk, request.query).at),
  );
}
