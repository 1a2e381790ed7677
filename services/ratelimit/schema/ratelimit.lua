#!lua name=hlidka_ratelimit
--[[
One check in one call: every account that it concerns is read, all enforcing claims are charged or none, and the record
of the message is written with the charge. DESIGN.md says why; core/decide.c is the same in C, and a property test
holds the two together, number for number.

FCALL ratelimit_check N record account… terms request

  record    key of (src, id)
  account…  one key a claim; all different
  terms     opaque; kept with the record
  request   1 byte of bits: 1 peek, 2 some account is read run by run; 16 bytes: fingerprint of op and body; then a
            claim each, CLAIM below: 1 byte (0 rolling, 1 gcra, 2 fixed; 4 shadow, 8 never: over its capacity, 16 read
            run by run), window in us, limit, and  rolling, fixed: cost, 0, 0, 0
                                                   gcra: what the cost adds, what there is room for, each as a span

Returns 'F' and a ruling a claim; or, of a message whose charge is on record, 'R', its terms and its rulings; or 'C'
when that record is of another op or body. A ruling, RULING below: 1 byte (1 allowed, 2 charged), held, rest, wait, at,
born: struct ruling in core/decide.h.

Times are integers in us since 1970, a span is whole us and a remainder in 1/limit us. All numbers stay below 2^53, up
to which Lua is exact; the bounds of core/policy.h see to it. Nothing is written by a peek or a denial. Every key
expires, when what it holds has no more effect, rounded up to ms.
]]

local RECORD_MS = 15000
local HEAD_LEN = 17
local CLAIM, CLAIM_LEN = '<BI7I7I7I7I7I7', 43
local RULING = '<BI7I7I7I7I7'
local RUN, RUN_LEN = '<I7I7', 14
local GCRA = '<I7I7I7I7I7'
local FIXED = '<I7I7I7'
local DIGIT = 1048576

-- One column for each property of a claim, kept from call to call: a table a claim costs more than the claim does.
-- `whole` is an account's value as it was read, false for none; `count` and `first`, `before`, `total` are of rolling
-- accounts: the runs, the first that is alive, the totals before that and in the end.
local key, whole, count, first, before, total = {}, {}, {}, {}, {}, {}
local allowed, held, rest, wait, now, born = {}, {}, {}, {}, {}, {}

local function quotient(x, y)
    return (x - math.fmod(x, y)) / y
end

local function expiry(us)
    return math.ceil(us / 1000)
end

local function bit(flags, value)
    return flags % (2 * value) >= value
end

-- ---- rolling: run 0 is a sentinel, then a run of (time, total so far) for each hit --------------------------------

local function run_at(i, n)
    local from = n * RUN_LEN
    if whole[i] then
        return struct.unpack(RUN, whole[i], from + 1)
    end
    return struct.unpack(RUN, redis.call('GETRANGE', key[i], from, from + RUN_LEN - 1))
end

-- The first run in low … high - 1 of a time over the bound; high when none is.
local function first_later(i, bound, low, high)
    while low < high do
        local middle = math.floor((low + high) / 2)
        if run_at(i, middle) > bound then
            high = middle
        else
            low = middle + 1
        end
    end
    return low
end

-- The first run in low … high - 1 of at least that total; high when none is.
local function first_total(i, bound, low, high)
    while low < high do
        local middle = math.floor((low + high) / 2)
        local _, sum = run_at(i, middle)
        if sum >= bound then
            high = middle
        else
            low = middle + 1
        end
    end
    return low
end

local function measure_rolling(i, clock, window, limit, cost)
    now[i], held[i], rest[i], wait[i], total[i] = clock, 0, 0, 0, 0
    if count[i] == 0 then
        return
    end
    local newest
    newest, total[i] = run_at(i, count[i] - 1)
    now[i] = math.max(clock, newest)
    first[i] = first_later(i, now[i] - window, 1, count[i])
    local _, base = run_at(i, first[i] - 1)
    local used = total[i] - base
    before[i], held[i] = base, used
    if used > 0 then
        rest[i] = newest + window - now[i]
    end
    if used + cost > limit then
        local leaving = first_total(i, base + used + cost - limit, first[i], count[i] - 1)
        wait[i] = run_at(i, leaving) + window - now[i]
    end
end

local function charge_rolling(i, window, cost)
    local time = now[i]
    local hit, ends = struct.pack(RUN, time, total[i] + cost), expiry(time + window)
    if held[i] == 0 then
        born[i] = time
        redis.call('SET', key[i], struct.pack(RUN, time, 0) .. struct.pack(RUN, time, cost), 'PXAT', ends)
    else
        born[i] = run_at(i, 0)
        local alive = first[i] * RUN_LEN
        if whole[i] then
            alive = string.sub(whole[i], alive + 1)
        elseif first[i] - 1 > count[i] - first[i] then
            alive = redis.call('GETRANGE', key[i], alive, -1)
        else
            alive = nil
        end
        if alive then
            redis.call('SET', key[i], struct.pack(RUN, born[i], before[i]) .. alive .. hit, 'PXAT', ends)
        else
            redis.call('APPEND', key[i], hit)
            redis.call('PEXPIREAT', key[i], ends)
        end
    end
    held[i], rest[i] = held[i] + cost, window
end

-- ---- gcra: tat, its remainder, the limit in whose unit that is, newest charge, born -------------------------------

-- What is owed, in the unit of another limit: (us * from + rem) / to, digit by digit, as the product may pass 2^53.
local function convert(us, rem, from, to)
    local high, low = quotient(us, DIGIT), math.fmod(us, DIGIT)
    local q, r = 0, 0
    for _, digit in ipairs({ quotient(high, DIGIT), math.fmod(high, DIGIT), low }) do
        local x = r * DIGIT + digit * from
        r = math.fmod(x, to)
        q = q * DIGIT + (x - r) / to
    end
    local x = r + rem
    r = math.fmod(x, to)
    return q + (x - r) / to, r
end

local function measure_gcra(i, clock, limit, add_us, add_rem, room_us, room_rem)
    local time, us, rem = clock, 0, 0
    if whole[i] then
        local tat, tat_rem, unit, last, since = struct.unpack(GCRA, whole[i])
        time = math.max(clock, last)
        born[i] = since
        if tat >= time then
            us, rem = tat - time, tat_rem
            if unit ~= limit then
                us, rem = convert(us, rem, unit, limit)
            end
        end
    end
    local over_us, over_rem = us + add_us - room_us, rem + add_rem - room_rem
    if over_rem < 0 then
        over_us, over_rem = over_us - 1, over_rem + limit
    elseif over_rem >= limit then
        over_us, over_rem = over_us + 1, over_rem - limit
    end
    now[i], held[i], rest[i] = time, us, rem
    wait[i] = math.max(0, over_us + (over_rem > 0 and 1 or 0))
end

local function charge_gcra(i, limit, add_us, add_rem)
    local time, us, rem = now[i], held[i] + add_us, rest[i] + add_rem
    if rem >= limit then
        us, rem = us + 1, rem - limit
    end
    if held[i] == 0 and rest[i] == 0 then
        born[i] = time
    end
    held[i], rest[i] = us, rem
    local value = struct.pack(GCRA, time + us, rem, limit, time, born[i])
    redis.call('SET', key[i], value, 'PXAT', expiry(time + us + (rem > 0 and 1 or 0)))
end

-- ---- fixed: used, newest charge, born ------------------------------------------------------------------------------

local function measure_fixed(i, clock, window, limit, cost)
    local time, used = clock, 0
    if whole[i] then
        local sum, last, since = struct.unpack(FIXED, whole[i])
        time = math.max(clock, last)
        born[i] = since
        if last >= time - math.fmod(time, window) then
            used = sum
        end
    end
    local left = window - math.fmod(time, window)
    now[i], held[i], rest[i], wait[i] = time, used, used > 0 and left or 0, used + cost > limit and left or 0
end

local function charge_fixed(i, window, cost)
    local time, used = now[i], held[i]
    if used == 0 then
        born[i] = time
    end
    held[i], rest[i] = used + cost, window - math.fmod(time, window)
    redis.call('SET', key[i], struct.pack(FIXED, used + cost, time, born[i]), 'PXAT', expiry(time + rest[i]))
end

-- ---- the check -----------------------------------------------------------------------------------------------------

-- The record and the accounts, but for those that are read run by run.
local function read(keys, request, bits)
    if not bit(bits, 2) then
        return redis.call('MGET', unpack(keys))
    end
    local values = { redis.call('GET', keys[1]) }
    for n = 2, #keys do
        local flags = string.byte(request, HEAD_LEN + 1 + (n - 2) * CLAIM_LEN)
        values[n] = not bit(flags, 16) and redis.call('GET', keys[n])
    end
    return values
end

local function measure(i, name, value, clock, flags, window, limit, a, b, c, d)
    local kind = flags % 4
    key[i], whole[i], born[i] = name, value, 0
    if kind == 0 then
        count[i] = (value and #value or bit(flags, 16) and redis.call('STRLEN', name) or 0) / RUN_LEN
        measure_rolling(i, clock, window, limit, a)
    elseif kind == 1 then
        measure_gcra(i, clock, limit, a, b, c, d)
    else
        measure_fixed(i, clock, window, limit, a)
    end
    if bit(flags, 8) then
        wait[i] = 0
        return false
    end
    return wait[i] == 0
end

-- False when there is nothing to charge: the cost 0 alone adds nothing to any account.
local function charge(i, flags, window, limit, a, b)
    local kind = flags % 4
    if not allowed[i] or a == 0 and b == 0 then
        return false
    end
    if kind == 0 then
        charge_rolling(i, window, a)
    elseif kind == 1 then
        charge_gcra(i, limit, a, b)
    else
        charge_fixed(i, window, a)
    end
    return true
end

local function decide(keys, args, clock)
    local terms, request = args[1], args[2]
    local bits, fingerprint = string.byte(request), string.sub(request, 2, HEAD_LEN)
    local values = read(keys, request, bits)
    if values[1] then
        return string.sub(values[1], 1, 16) == fingerprint and 'R' .. string.sub(values[1], 17) or 'C'
    end

    local n, charging = #keys - 1, not bit(bits, 1)
    for i = 1, n do
        local at = HEAD_LEN + 1 + (i - 1) * CLAIM_LEN
        allowed[i] = measure(i, keys[i + 1], values[i + 1], clock, struct.unpack(CLAIM, request, at))
        charging = charging and (allowed[i] or bit(string.byte(request, at), 4))
    end

    local any, answer = false, ''
    for i = 1, n do
        local verdict, at = allowed[i] and 1 or 0, HEAD_LEN + 1 + (i - 1) * CLAIM_LEN
        if charging and charge(i, struct.unpack(CLAIM, request, at)) then
            any, verdict = true, 3
        end
        answer = answer .. struct.pack(RULING, verdict, held[i], rest[i], wait[i], now[i], verdict == 3 and born[i] or 0)
    end
    if any then
        redis.call('SET', keys[1], fingerprint .. terms .. answer, 'PXAT', expiry(clock) + RECORD_MS)
    end
    return 'F' .. answer
end

redis.register_function('ratelimit_check', function(keys, args)
    local time = redis.call('TIME')
    return decide(keys, args, time[1] * 1000000 + time[2])
end)
