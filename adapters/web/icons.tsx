/** Our own few icons: 20 by 20, drawn with the text's colour, hidden from screen readers (the words beside them tell). */
const PATHS = {
  messages: 'M3 5h14v10H3z M3 6l7 5 7-5',
  patients: 'M10 9a3 3 0 1 0 0-6 3 3 0 0 0 0 6z M4 17c0-3.3 2.7-5.5 6-5.5s6 2.2 6 5.5',
  sources: 'M3 10h3l2-5 4 10 2-5h3',
  parked: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14z M8 7.5v5 M12 7.5v5',
  audit: 'M3 10s2.5-4.5 7-4.5S17 10 17 10s-2.5 4.5-7 4.5S3 10 3 10z M10 12a2 2 0 1 0 0-4 2 2 0 0 0 0 4z',
  search: 'M9 14A5 5 0 1 0 9 4a5 5 0 0 0 0 10z M13 13l4 4',
  out: 'M8 4H4v12h4 M8 10h9 M14 7l3 3-3 3',
  moon: 'M15.5 12.5A6.5 6.5 0 0 1 7.5 4.5a6.5 6.5 0 1 0 8 8z',
  sun: 'M10 13a3 3 0 1 0 0-6 3 3 0 0 0 0 6z M10 2.5v2 M10 15.5v2 M2.5 10h2 M15.5 10h2 M4.7 4.7l1.4 1.4 M13.9 13.9l1.4 1.4 M15.3 4.7l-1.4 1.4 M6.1 13.9l-1.4 1.4',
  check: 'M4 10.5l4 4 8-9',
  warning: 'M10 3.5l7.5 13h-15z M10 8.5v3.5 M10 14.4v.1',
  danger: 'M6.5 3h7L17 6.5v7L13.5 17h-7L3 13.5v-7z M10 6.5v4.5 M10 13.6v.1',
  rerun: 'M16 10a6 6 0 1 1-2-4.5 M16 3v3.5h-3.5',
  document: 'M5 3h7l3 3v11H5z M8 9h4.5 M8 12h4.5',
  download: 'M10 3v9 M6.5 9L10 12.5 13.5 9 M4 16h12',
  arrow: 'M4 10h12 M12 6l4 4-4 4',
  clock: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14z M10 6v4l3 2',
  repeat: 'M5 8l2.5-3H14a2 2 0 0 1 2 2v2 M15 12l-2.5 3H6a2 2 0 0 1-2-2v-2',
  minus: 'M5 10h10',
  key: 'M7 13a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z M10.5 9.5H17v3 M14 9.5V12',
  test: 'M8 3h4 M9 3v5l-4.5 8h11L11 8V3',
  exchange:
    'M10 4.2a1.7 1.7 0 1 0 0-.1z M4.2 15.6a1.7 1.7 0 1 0 0-.1z M15.8 15.6a1.7 1.7 0 1 0 0-.1z M9.2 7L5.2 14 M10.8 7l4 7 M6.2 15.6h7.6',
  deliveries: 'M3 4l14 6-14 6 2.5-6z M5.5 10H17',
  settings: 'M4 6h7 M15 6h1 M13 4v4 M4 14h1 M9 14h7 M7 12v4',
  bell: 'M5 14V9.5a5 5 0 0 1 10 0V14l1.5 1.5h-13z M8.5 17.5h3',
  more: 'M4 10h.1 M10 10h.1 M16 10h.1',
  hospital: 'M4 17V4h12v13z M10 6.5v5 M7.5 9h5 M8.5 17v-3h3v3',
  region:
    'M10 8a2.2 2.2 0 1 0 0-4.4A2.2 2.2 0 0 0 10 8z M5 16.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4z M15 16.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4z M8.9 7.7L6 12.7 M11.1 7.7l2.9 5',
  globe: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14z M3 10h14 M10 3c2.6 2 2.6 12 0 14 M10 3c-2.6 2-2.6 12 0 14',
  compare: 'M3.5 4h5v12h-5z M11.5 4h5v12h-5z M5.5 8h1 M5.5 11h1 M13.5 8h1 M13.5 11h1',
  apart: 'M7 6L3.5 10 7 14 M13 6l3.5 4-3.5 4 M10 4v12',
  folder: 'M3 5h5l2 2h7v9H3z',
  link: 'M8 12l4-4 M9 6l2-2a3.2 3.2 0 0 1 4.5 4.5l-2 2 M11 14l-2 2A3.2 3.2 0 0 1 4.5 11.5l2-2',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      className="icon"
      width={size}
      height={size}
      viewBox="0 0 20 20"
      aria-hidden="true"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Mark({ size = 32 }: { size?: number }) {
  return (
    <svg className="mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M7 22V11l5 7 4-7 4 7 5-7v11" />
    </svg>
  );
}
