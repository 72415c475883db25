import { texts } from '../texts.ts';
import { Empty } from './notices.tsx';

export function Nowhere() {
  return <Empty sentence={texts.nowhere.title} act={texts.nowhere.act} href="/" />;
}
