/** What both databases are read by in the same way: they differ in who is asked, and in the words of a query. */
import type { Store } from '../../schemas/parts.ts';
import { listDeliveries, readDelivery, readOutletStats, readReceivedAnswer } from './read-deliveries.ts';
import {
  listIdentityEvents,
  listMatchItems,
  readIndexPairs,
  readIndexRecords,
  readIndexRecordsOf,
  readMatchItem,
} from './read-index.ts';
import type { ReadParts } from './read-messages.ts';
import { listMessages, readOutcome } from './read-messages.ts';
import { listAudit } from './read-node.ts';
import { listPersons, readDocument, readDocuments, readEntriesById, readEntryHistory } from './read-records.ts';

export abstract class ReadingStore {
  protected abstract readonly reads: ReadParts;

  messages(query: Parameters<Store['messages']>[0]): ReturnType<Store['messages']> {
    return listMessages(this.reads, query);
  }

  outcomeOf(messageId: string): ReturnType<Store['outcomeOf']> {
    return readOutcome(this.reads, messageId);
  }

  persons(query: Parameters<Store['persons']>[0]): ReturnType<Store['persons']> {
    return listPersons(this.reads, query);
  }

  entriesById(ids: string[]): ReturnType<Store['entriesById']> {
    return readEntriesById(this.reads, ids);
  }

  entryHistory(id: string): ReturnType<Store['entryHistory']> {
    return readEntryHistory(this.reads, id);
  }

  document(id: string): ReturnType<Store['document']> {
    return readDocument(this.reads, id);
  }

  documents(personId: string): ReturnType<Store['documents']> {
    return readDocuments(this.reads, personId);
  }

  delivery(id: string): ReturnType<Store['delivery']> {
    return readDelivery(this.reads, id);
  }

  deliveries(query: Parameters<Store['deliveries']>[0]): ReturnType<Store['deliveries']> {
    return listDeliveries(this.reads, query);
  }

  indexRecords(ids: string[]): ReturnType<Store['indexRecords']> {
    return readIndexRecords(this.reads, ids);
  }

  indexRecordsOf(personIds: string[], limit: number): ReturnType<Store['indexRecordsOf']> {
    return readIndexRecordsOf(this.reads, personIds, limit);
  }

  indexPairs(recordIds: string[], limit: number): ReturnType<Store['indexPairs']> {
    return readIndexPairs(this.reads, recordIds, limit);
  }

  matchItem(id: string): ReturnType<Store['matchItem']> {
    return readMatchItem(this.reads, id);
  }

  matchItems(query: Parameters<Store['matchItems']>[0]): ReturnType<Store['matchItems']> {
    return listMatchItems(this.reads, query);
  }

  identityEvents(query: Parameters<Store['identityEvents']>[0]): ReturnType<Store['identityEvents']> {
    return listIdentityEvents(this.reads, query);
  }

  outletStats(): ReturnType<Store['outletStats']> {
    return readOutletStats(this.reads);
  }

  receivedAnswer(id: string): Promise<Buffer | undefined> {
    return readReceivedAnswer(this.reads, id);
  }

  audit(query: Parameters<Store['audit']>[0]): ReturnType<Store['audit']> {
    return listAudit(this.reads, query);
  }
}
