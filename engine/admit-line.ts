/**
 * Who is at the other end of a line to the index: a system outside of the exchange, by its client certificate, or by what it calls itself where the line
 * has no TLS. Part of `admit.ts`.
 */
import type { NodeRole, NodeSubject } from '../schemas/exchange.ts';

/** A system as the settings name it (`pix.sources`). */
export interface LineSource {
  name: string;
  listener: string;
  certificate?: string;
  application?: string;
  facility?: string;
  sees: 'own' | 'all';
}

/** What a connection showed, and what a message calls its sender. */
export interface LineSender {
  certificate?: { name: string; fingerprint: string };
  sendingApplication: string;
  sendingFacility: string;
}

/**
 * The system that a message of this listener comes from; undefined for none that is known. A certificate must be the one that the settings name;
 * MSH-3 and MSH-4 then tell apart the systems that share it.
 */
export function admitLine<T extends LineSource>(
  sources: readonly T[],
  listener: string,
  sender: LineSender,
): T | undefined {
  return sources.find(
    (source) =>
      source.listener === listener &&
      holdsCertificate(source, sender) &&
      (source.application === undefined || source.application === sender.sendingApplication) &&
      (source.facility === undefined || source.facility === sender.sendingFacility),
  );
}

function holdsCertificate({ certificate }: LineSource, sender: LineSender): boolean {
  if (sender.certificate === undefined) return certificate === undefined;
  if (certificate === undefined) return false;
  const { name, fingerprint } = sender.certificate;
  const plain = (text: string): string => text.replaceAll(':', '').toLowerCase();
  return (name !== '' && certificate === name) || plain(certificate) === plain(fingerprint);
}

/** The system as a subject: it may do what a node below may. */
export function lineSubject(name: string, role: NodeRole): NodeSubject {
  return { kind: 'peer', id: name, role, organization: '' };
}
