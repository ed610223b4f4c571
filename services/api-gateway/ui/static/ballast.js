// The dashboard's script: what is live, and keys. Every page reads and works without it.
'use strict';
(() => {
  const policy = window.trustedTypes
    ? trustedTypes.createPolicy('ballast', { createHTML: (text) => text })
    : { createHTML: (text) => text };
  const main = document.getElementById('main');
  const state = document.getElementById('state');
  const said = document.getElementById('said');

  // -- patches: the page that is there becomes the one that was sent, in place, so that focus and selection stay

  const keyOf = (node) => (node.nodeType === 1 ? node.getAttribute('data-key') : null);

  function attributes(old, now) {
    for (const { name } of [...old.attributes]) {
      // What a person has opened or written stays.
      if (!now.hasAttribute(name) && name !== 'open') old.removeAttribute(name);
    }
    for (const { name, value } of now.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
  }

  function morph(old, now) {
    if (old.isEqualNode(now)) return;
    if (old.nodeType !== 1) {
      old.nodeValue = now.nodeValue;
      return;
    }
    if (old.matches('input, select, textarea')) return;
    attributes(old, now);
    const keyed = new Map();
    for (const child of old.childNodes) {
      const key = keyOf(child);
      if (key) keyed.set(key, child);
    }
    let at = old.firstChild;
    for (const child of [...now.childNodes]) {
      const key = keyOf(child);
      const fits = at && !keyOf(at) && at.nodeType === child.nodeType && at.nodeName === child.nodeName;
      const found = key ? keyed.get(key) : fits ? at : null;
      if (!found) {
        old.insertBefore(child, at);
      } else {
        if (found === at) at = at.nextSibling;
        else old.insertBefore(found, at);
        morph(found, child);
      }
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  }

  function put(html) {
    const page = new DOMParser().parseFromString(policy.createHTML('<main>' + html + '</main>'), 'text/html');
    const now = page.querySelector('main');
    now.id = 'main';
    now.tabIndex = -1;
    const focused = document.activeElement;
    morph(main, now);
    if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  }

  // -- what is told: at most each five seconds, of what came together

  let waiting = '';
  let talking = 0;
  function say(text) {
    waiting = text;
    if (talking) return;
    talking = setTimeout(() => {
      talking = 0;
      if (said.textContent !== waiting) said.textContent = waiting;
    }, said.textContent ? 5000 : 0);
  }

  // -- new rows of what must not move while it is read gather behind a button

  let held = null;
  function hold(html) {
    const page = new DOMParser().parseFromString(policy.createHTML(html), 'text/html');
    const fresh = [...page.querySelectorAll('[data-hold] [data-key]')].filter(
      (row) => !main.querySelector('[data-key="' + CSS.escape(row.getAttribute('data-key')) + '"]'),
    );
    if (!main.querySelector('[data-hold]') || !fresh.length) return false;
    if (!held) {
      held = document.createElement('button');
      held.type = 'button';
      held.className = 'fresh';
      main.before(held);
    }
    held.textContent = fresh.length + ' new: show';
    held.onclick = () => {
      held.remove();
      held = null;
      put(html);
      main.focus();
    };
    return true;
  }

  // -- the stream: closed while nobody sees the page

  const address = document.body.dataset.live;
  let source = null;
  let last = '';
  let paused = false;
  let since = null;

  function show(name, text) {
    state.dataset.state = name;
    state.textContent = text;
  }

  function lost() {
    since = since || new Date();
    show('lost', 'reconnecting, as of ' + since.toTimeString().slice(0, 8));
    main.classList.add('stale');
  }

  function found() {
    since = null;
    show('live', 'live');
    main.classList.remove('stale');
  }

  function open() {
    if (source || paused || !address) return;
    // Without its digest the page is sent anew: what was missed while it was hidden is in it.
    const url = new URL(address, location.href);
    if (last) {
      url.searchParams.set('cursor', last);
      url.searchParams.delete('digest');
    }
    source = new EventSource(url);
    source.onopen = () => show('live', 'live');
    source.onerror = lost;
    const on = (name, act) =>
      source.addEventListener(name, (event) => {
        last = event.lastEventId || last;
        act(event.data);
      });
    on('patch', (html) => {
      found();
      if (!hold(html)) put(html);
    });
    on('say', say);
    on('away', lost);
    on('back', found);
    on('reload', () => location.reload());
    on('full', (why) => {
      close();
      show('slow', 'every 10 s');
      state.title = why;
      setTimeout(() => location.reload(), 10000);
    });
  }

  function close() {
    if (source) source.close();
    source = null;
  }

  if (address && state) {
    document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
    addEventListener('pagehide', close);
    addEventListener('pageshow', open);
    if (!document.hidden) open();
  }

  // -- forms: what they would do is asked while a person writes, and nothing is taken away twice

  for (const form of document.querySelectorAll('form[data-check]')) {
    let timer = 0;
    let asked = null;
    form.addEventListener('input', () => {
      clearTimeout(timer);
      timer = setTimeout(async () => {
        asked?.abort();
        asked = new AbortController();
        const fields = new FormData(form);
        const body = form.getAttribute('enctype') ? fields : new URLSearchParams(fields);
        body.set('do', 'check');
        try {
          // Not form.action: a field may be called so.
          const answer = await fetch(form.getAttribute('action'), { method: 'POST', body, signal: asked.signal });
          const page = new DOMParser().parseFromString(policy.createHTML(await answer.text()), 'text/html');
          const plan = page.getElementById('plan');
          if (!plan) return;
          morph(document.getElementById('plan'), plan);
          say(plan.querySelector('.bad') ? 'It is refused as it is.' : 'It can be done.');
        } catch {
          // Superseded, or nobody is there: the form says so when it is sent.
        }
      }, 400);
    });
  }
  let sent = null;
  addEventListener('submit', (event) => {
    if (!event.target.matches('[data-once]') || event.submitter?.value !== 'make') return;
    if (sent === event.target) event.preventDefault();
    sent = event.target;
  });
  addEventListener('pageshow', () => {
    sent = null;
  });

  // -- keys, which can be switched off

  const help = document.getElementById('help');
  const button = document.getElementById('keys');
  const box = document.getElementById('keys-on');
  const are = () => localStorage.getItem('keys') !== 'off';
  if (button) {
    button.hidden = false;
    button.onclick = () => help.showModal();
    box.checked = are();
    box.onchange = () => localStorage.setItem('keys', box.checked ? 'on' : 'off');
  }

  let before = '';
  function step(by) {
    const rows = [...main.querySelectorAll('[data-row]')].filter((row) => row.querySelector('a'));
    const own = rows.findIndex((row) => row.contains(document.activeElement));
    const row = rows[own < 0 ? (by > 0 ? 0 : rows.length - 1) : own + by];
    if (row) row.querySelector('th a, a').focus();
  }

  // The box of the row that one is in, or all that are ticked.
  const box_of = () => document.activeElement.closest('tr')?.querySelector('input[type=checkbox]');
  function drain() {
    const own = box_of();
    const form = own?.form || main.querySelector('tbody input:checked')?.form;
    if (!form) return;
    if (own && !form.querySelector('tbody input:checked')) own.checked = true;
    form.querySelector('button[value=drain]')?.click();
  }

  const acts = {
    '/': () => main.querySelector('[data-filter]')?.focus(),
    j: () => step(1),
    k: () => step(-1),
    '?': () => help.showModal(),
    n: () => document.querySelector('[data-new]')?.click(),
    e: () => document.querySelector('[data-edit]')?.click(),
    x: () => box_of()?.click(),
    d: drain,
    u: () => {
      const only = main.querySelector('[data-unhealthy]');
      if (only) {
        only.checked = !only.checked;
        only.form.requestSubmit();
      } else main.querySelector('[data-unhealthy-only]')?.click();
    },
    '.': () => {
      paused = !paused;
      if (paused) {
        close();
        show('paused', 'paused');
      } else open();
    },
  };

  addEventListener('keydown', (event) => {
    const leave = event.key === 'Escape' && event.target.closest('form')?.querySelector('[data-leave]');
    if (leave) return leave.click();
    const busy = event.target.closest('input:not([type=checkbox]), select, textarea, dialog');
    if (!button || busy || event.ctrlKey || event.metaKey || event.altKey || (!are() && event.key !== '?')) return;
    const place = before === 'g' && document.querySelector('[data-go="' + CSS.escape(event.key) + '"]');
    before = event.key;
    const act = place ? () => place.click() : acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
})();
