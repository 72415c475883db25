import { Combobox, Kbd, TextInput, useCombobox } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import type { SearchHit } from '../../schemas/portal.ts';
import { goTo } from './address.ts';
import { ask } from './api.ts';
import { Icon } from './icons.tsx';
import { isTyping } from './parts/list.tsx';
import { texts } from './texts.ts';

const WAIT_MS = 200;
const KINDS = ['patient', 'message', 'document', 'page'] as const;

/** The one search box: `/` goes to it, arrows and Enter open what it found. */
export function SearchBox() {
  const [q, setQ] = useState('');
  const [hits, setHits] = useState<SearchHit[]>();
  const input = useRef<HTMLInputElement>(null);
  const combobox = useCombobox({ onDropdownClose: () => combobox.resetSelectedOption() });

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || isTyping(event.target)) return;
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);

  useEffect(() => {
    const wanted = q.trim();
    setHits(undefined);
    if (wanted.length < 2) return;
    const controller = new AbortController();
    const timer = setTimeout(() => {
      ask<SearchHit[]>(`/api/search?q=${encodeURIComponent(wanted)}`, { signal: controller.signal }).then(
        setHits,
        () => undefined,
      );
    }, WAIT_MS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [q]);
  const { selectFirstOption } = combobox;
  useEffect(() => {
    if (hits !== undefined && hits.length > 0) selectFirstOption();
  }, [hits, selectFirstOption]);

  const open = (link: string): void => {
    combobox.closeDropdown();
    setQ('');
    input.current?.blur();
    goTo(link);
  };

  return (
    <search className="search">
      <Combobox store={combobox} onOptionSubmit={open} shadow="md">
        <Combobox.Target>
          <TextInput
            ref={input}
            aria-label={texts.search.label}
            placeholder={texts.search.placeholder}
            value={q}
            maxLength={200}
            leftSection={<Icon name="search" size={16} />}
            rightSection={
              q === '' ? (
                <Kbd className="search-key" size="xs" aria-hidden="true">
                  /
                </Kbd>
              ) : null
            }
            onChange={(event) => {
              setQ(event.currentTarget.value);
              combobox.openDropdown();
            }}
            onFocus={() => combobox.openDropdown()}
            onBlur={() => combobox.closeDropdown()}
          />
        </Combobox.Target>
        <Combobox.Dropdown hidden={hits === undefined}>
          <Combobox.Options mah={420} className="hits" aria-label={texts.search.label}>
            {hits?.length === 0 ? <Combobox.Empty>{texts.search.none}</Combobox.Empty> : null}
            {KINDS.map((kind) => ({ kind, some: (hits ?? []).filter((hit) => hit.kind === kind) }))
              .filter(({ some }) => some.length > 0)
              .map(({ kind, some }) => (
                <Combobox.Group key={kind} label={texts.search.kinds[kind]}>
                  {some.map((hit) => (
                    <Combobox.Option key={hit.link} value={hit.link}>
                      <span className="hit-title">{hit.title}</span>
                      {hit.detail ? <span className="quiet"> {hit.detail}</span> : null}
                    </Combobox.Option>
                  ))}
                </Combobox.Group>
              ))}
          </Combobox.Options>
        </Combobox.Dropdown>
      </Combobox>
    </search>
  );
}
