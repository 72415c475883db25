import type { MantineColorsTuple } from '@mantine/core';
import { createTheme } from '@mantine/core';
import { texts } from './texts.ts';

/** The one accent colour: a petrol whose shades 6 and 7 hold 4.5:1 under white, and 4 on the dark page. */
const petrol: MantineColorsTuple = [
  '#e8f6f8',
  '#d2ecf0',
  '#a5d9e1',
  '#75c5d1',
  '#4fc0d4',
  '#2799ac',
  '#147e95',
  '#0b6577',
  '#0a5363',
  '#07404d',
];

/** Mantine's dark greys with a little blue, the tone of our own surfaces (styles/base.css). */
const dark: MantineColorsTuple = [
  '#e4eaed',
  '#c3ccd1',
  '#a1adb4',
  '#7d8b93',
  '#3d4a51',
  '#2e383d',
  '#222b30',
  '#1a2125',
  '#151b1f',
  '#12181b',
];

export const theme = createTheme({
  primaryColor: 'petrol',
  primaryShade: { light: 7, dark: 6 },
  colors: { petrol, dark },
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '18px' },
  lineHeights: { xs: '1.45', sm: '1.5', md: '1.55', lg: '1.55', xl: '1.55' },
  headings: {
    fontWeight: '650',
    sizes: {
      h1: { fontSize: '22px', lineHeight: '1.3' },
      h2: { fontSize: '16px', lineHeight: '1.4' },
      h3: { fontSize: '14px', lineHeight: '1.5' },
    },
  },
  defaultRadius: 'md',
  radius: { md: '8px' },
  respectReducedMotion: true,
  cursorType: 'pointer',
  components: {
    Tooltip: {
      defaultProps: {
        withArrow: true,
        multiline: true,
        maw: 340,
        openDelay: 250,
        transitionProps: { duration: 100 },
        events: { hover: true, focus: true, touch: true },
      },
    },
    Modal: {
      defaultProps: {
        transitionProps: { duration: 120 },
        centered: true,
        closeButtonProps: { 'aria-label': texts.closeDialog },
      },
    },
    Button: { defaultProps: { size: 'sm' } },
    TextInput: { defaultProps: { size: 'sm' } },
    Select: { defaultProps: { size: 'sm' } },
  },
});
