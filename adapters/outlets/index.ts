/** Ways out: other nodes over mutual TLS, HTTP addresses, folders. MLLP outlets are beside the MLLP client. */
export { type FolderOutletOptions, openFolderOutlet } from './folder.ts';
export { type HttpOutletOptions, openHttpOutlet } from './http.ts';
export { type OpenPeer, openPeer, type PeerOptions, type PeerTls } from './peer.ts';
