// The pages' only script: asks the API, and shows what it says, refusals included. Text goes into the page as text.
'use strict';

const $ = (selector, within = document) => within.querySelector(selector);
const when = (ms) => new Date(ms).toLocaleString('en-GB', {dateStyle: 'medium', timeStyle: 'short'});
const show = (selector, visible = true) => { for (const e of document.querySelectorAll(selector)) e.hidden = !visible; };

// ---- the API --------------------------------------------------------------------------------------------------------

class Refused extends Error {
    constructor(problem, headers) {
        super(problem.title.replace(/\.$/, ''));
        this.code = problem.code;
        this.fields = problem.errors ?? [];
        this.retryAfter = headers.get('retry-after');
    }

    text() {
        const fields = this.fields.map((f) => ` ${f.pointer}: ${f.code}.`).join('');
        return `${this.message} (${this.code}).${fields}${this.retryAfter ? ` Try again in ${this.retryAfter} s.` : ''}`;
    }
}

// The cookie goes along by itself; it is out of this script's reach.
async function send(method, path, body, type) {
    const answer = await fetch(path, {method, body, headers: type ? {'Content-Type': type} : {}});
    if (answer.ok) return answer;
    const isProblem = answer.headers.get('content-type')?.startsWith('application/problem+json');
    const problem = isProblem ? await answer.json() : {title: answer.statusText, code: String(answer.status)};
    throw new Refused(problem, answer.headers);
}

const get = async (path) => (await send('GET', path)).json();
const post = async (path, body = {}) => (await send('POST', path, JSON.stringify(body), 'application/json')).json();
const remove = async (path) => (await send('DELETE', path)).json();

function say(done, problem = '') {
    $('#done').textContent = done;
    $('#problem').textContent = problem;
    show('#done', done !== '');
    show('#problem', problem !== '');
}

function refused(error) {
    if (!(error instanceof Refused)) throw error;
    if (error.code === 'invalid_token') signedOut();
    say('', error.text());
}

// Runs what a person asked for, once at a time, and shows how it ended.
function on(element, event, act) {
    element.addEventListener(event, async (e) => {
        e.preventDefault();
        const button = element.tagName === 'FORM' ? $('button', element) : element;
        button.disabled = true;
        say('');
        try {
            await act(element.tagName === 'FORM' ? Object.fromEntries(new FormData(element)) : e);
            if (element.tagName === 'FORM') element.reset();
        } catch (error) {
            refused(error);
        } finally {
            button.disabled = false;
        }
    });
}

function fill(list, template, items, into) {
    $(list).replaceChildren(...items.map((item) => {
        const row = $(template).content.cloneNode(true).firstElementChild;
        into(row, item);
        return row;
    }));
}

// ---- logging in and out -----------------------------------------------------------------------------------------------

// Telegram returns with what it signed in the fragment, which no server's log sees. It is taken only where this tab asked:
// otherwise a link could log somebody in as somebody else.
async function takeTelegramsAnswer() {
    const answer = /^#tgAuthResult=([A-Za-z0-9_-]+)=*$/.exec(location.hash)?.[1];
    const asked = sessionStorage.getItem('login');
    sessionStorage.removeItem('login');
    if (!answer) return;
    history.replaceState(null, '', location.pathname);
    if (!asked) return say('', 'This login was not begun here.');
    const bytes = Uint8Array.from(atob(answer.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
    await post('/auth/login/telegram/widget', {fields: JSON.parse(new TextDecoder().decode(bytes))});
}

function signedOut() {
    show('.signed-in', false);
    show('.signed-out');
}

async function logOut() {
    await post('/auth/logout');
    signedOut();
    say('You are logged out.');
}

// ---- pages --------------------------------------------------------------------------------------------------------------

const pages = {
    async index() {
        const list = async () => fill('#lessons', '#lesson', (await get('/api/lessons')).lessons, showLesson);

        function showLesson(row, lesson) {
            row.dataset.id = lesson.id;
            $('h2', row).textContent = lesson.title;
            $('.note', row).textContent = when(lesson.created_at)
                + (lesson.recording ? `, recording of ${(lesson.recording.size / 1024).toFixed(0)} KiB, stored encrypted` : '');
            const audio = $('audio', row), progress = $('progress', row), file = $('input', row);
            if (lesson.recording) {
                audio.src = `/api/lessons/${lesson.id}/recording`;
                audio.hidden = false;
            }
            on(file, 'change', async () => {
                progress.hidden = false;
                try {
                    await upload(`/api/lessons/${lesson.id}/recording`, file.files[0], (share) => { progress.value = share; });
                } finally {
                    progress.hidden = true;
                }
                await list();
                say('The recording is stored.');
            });
        }

        on($('#new-lesson'), 'submit', async (form) => {
            const answer = await send('POST', '/api/lessons', JSON.stringify(form), 'application/json');
            const left = /"lessons-[a-z]+";r=(\d+)/.exec(answer.headers.get('ratelimit') ?? '')?.[1];
            $('#left').textContent = left ? `${left} more lessons within the hour.` : '';
            await list();
        });
        await list();
    },

    async devices() {
        const list = async () => fill('#devices', '#device', (await get('/auth/sessions')).sessions, (row, device) => {
            row.dataset.current = device.current;
            $('h2', row).textContent = device.device_info + (device.current ? ' (this one)' : '');
            $('.note', row).textContent = `${device.ip ?? ''} · active ${when(device.last_activity)}`;
            on($('button', row), 'click', async () => {
                await remove(`/auth/sessions/${device.session_id}`);
                if (device.current) return signedOut();
                await list();
                say('That device is signed out.');
            });
        });
        on($('#others'), 'click', async () => {
            const {revoked} = await remove('/auth/sessions?keep_current=true');
            await list();
            say(`Signed out on ${revoked} other devices.`);
        });
        on($('#everywhere'), 'click', async () => {
            const {revoked} = await remove('/auth/sessions');
            signedOut();
            say(`Signed out everywhere: ${revoked} sessions ended.`);
        });
        await list();
    },

    async security(session) {
        const enrolled = (is) => {
            $('#factor').textContent = is ? 'An authenticator app is set up.' : 'No second factor is set up.';
            show('#enrol', !is);
            show('#enrolled', is);
        };
        const showCodes = (codes) => {
            fillList('#codes', codes);
            $('#download').href = URL.createObjectURL(new Blob([codes.join('\n') + '\n'], {type: 'text/plain'}));
            show('#backup');
        };
        on($('#enrol-begin'), 'click', async () => {
            const {secret, qr_svg: svg} = await post('/auth/totp/enroll', {label: session.telegram_id ?? 'Lessons'});
            $('#secret').textContent = secret;
            const drawing = new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement;
            $('#qr').replaceChildren(document.importNode(drawing, true));
            show('#enrol-begin', false);
            show('#enrol-secret');
        });
        on($('#activate'), 'submit', async ({code}) => {
            const {backup_codes: codes} = await post('/auth/totp/activate', {code});
            enrolled(true);
            showCodes(codes);
            say('The second factor is on.');
        });
        on($('#regenerate'), 'submit', async ({code}) => {
            showCodes((await post('/auth/backup-codes/regenerate', {code})).backup_codes);
            say('The old backup codes are void.');
        });
        on($('#disable'), 'submit', async ({code}) => {
            await post('/auth/totp/disable', {code});
            enrolled(false);
            show('#backup', false);
            show('#enrol-begin');
            show('#enrol-secret', false);
            say('The second factor is off.');
        });
        enrolled(session.second_factor === 'totp');
    },

    async payment() {
        const list = async () => fillList('#methods',
            (await get('/api/payment-methods')).methods.map((m) => `${m.brand} ending in ${m.last4}`));
        let waiting = null;                 // what step-up is for

        async function add(method) {
            try {
                await post('/api/payment-methods', method);
            } catch (error) {
                if (!['mfa_required', 'reauth_required'].includes(error.code)) throw error;
                waiting = method;
                show('#step-up');
                $('#verify input').focus();
                return;
            }
            show('#step-up', false);
            await list();
            say('The payment method is added.');
        }
        on($('#new-method'), 'submit', add);
        on($('#verify'), 'submit', async ({code}) => {
            const six = /^\d{6}$/.test(code);
            await post(six ? '/auth/totp/verify' : '/auth/backup-codes/verify', {code});
            await add(waiting);
        });
        await list();
    },
};

function fillList(list, texts) {
    $(list).replaceChildren(...texts.map((text) => Object.assign(document.createElement('li'), {textContent: text})));
}

// fetch tells nothing about how much has gone; this does.
function upload(path, file, progress) {
    return new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        request.open('PUT', path);
        request.setRequestHeader('Content-Type', file.type);
        request.upload.onprogress = (e) => progress(e.loaded / e.total);
        request.onerror = () => reject(new Refused({title: 'The upload broke off', code: 'network'}, new Headers()));
        request.onload = () => {
            if (request.status < 400) return resolve();
            const retryAfter = request.getResponseHeader('retry-after');
            reject(new Refused(JSON.parse(request.responseText), new Headers(retryAfter ? {'retry-after': retryAfter} : {})));
        };
        request.send(file);
    });
}

// ---- the start ------------------------------------------------------------------------------------------------------------

async function begin() {
    $('#login').addEventListener('click', () => sessionStorage.setItem('login', 'asked'));
    on($('#logout'), 'click', logOut);
    try {
        await takeTelegramsAnswer();
        const session = await get('/auth/session');
        show('.signed-in');
        await pages[document.body.dataset.page](session);
    } catch (error) {
        if (error.code !== 'missing_token') refused(error);
        if ($('main.signed-in').hidden) signedOut();
    } finally {
        document.body.dataset.ready = '';       // for whoever drives the page
    }
}

begin();
