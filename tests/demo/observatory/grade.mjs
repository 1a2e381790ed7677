// Mozilla's HTTP Observatory over an address of this machine, as its own scan() goes about it, but for the ports.
//
//     node grade.mjs MODULES HTTP_PORT HTTPS_PORT PATH     prints {grade, score, tests: {name: {pass, result, modifier}}}
import {existsSync, writeFileSync} from 'node:fs';
import {pathToFileURL} from 'node:url';

const [modules, httpPort, httpsPort, path] = process.argv.slice(2);
const scanner = `${modules}/@mdn/mdn-http-observatory`;
const load = (name) => import(pathToFileURL(`${scanner}/src/${name}`).href);

// Its installation would fetch the list of sites that browsers know to want HTTPS; ours is not on it.
const preload = `${scanner}/conf/hsts-preload.json`;
if (!existsSync(preload)) writeFileSync(preload, '{}\n');

const {retrieve} = await load('retriever/retriever.js');
const {ALL_TESTS} = await load('constants.js');
const {MINIMUM_SCORE_FOR_EXTRA_CREDIT} = await load('grader/charts.js');
const {getGradeForScore, getScoreModifier} = await load('grader/grader.js');

const requests = await retrieve('127.0.0.1', {httpPort, httpsPort, path});
if (requests.responses.auto?.request?.protocol !== 'https:') throw new Error(`no answer by HTTPS on port ${httpsPort}`);
const tests = {};
let score = 100, penalties = 0;
for (const test of ALL_TESTS) {
    const found = test(requests);
    const modifier = getScoreModifier(found.result);
    score += modifier;
    penalties += Math.min(modifier, 0);
    tests[found.constructor.name] = {pass: found.pass, result: found.result, modifier};
}
// Extra credit is for those who get an A without it.
if (100 + penalties < MINIMUM_SCORE_FOR_EXTRA_CREDIT) score = 100 + penalties;
console.log(JSON.stringify({...getGradeForScore(score), tests}, null, 1));
