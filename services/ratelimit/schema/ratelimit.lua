#!lua name=hlidka_ratelimit
--[[
One check in one call: every account that it concerns is read, all enforcing claims are charged or none, and the record
of the message is written with the charge. DESIGN.md says why; core/decide.c is the same in C, and a property test
holds the two together, number for number.

FCALL ratelimit_check N record account… request terms

  record    key of (src, id)
  account…  one key a claim; all different
  request   1 byte of bits: 1 peek, 2 some account is read run by run; 16 bytes: fingerprint of op and body; then a
            claim each, CLAIM below: 1 byte (0 rolling, 1 gcra, 2 fixed; 4 shadow, 8 never: over its capacity, 16 read
            run by run), window in us, limit, and  rolling, fixed: cost, 0, 0, 0
                                                   gcra: what the cost adds, what there is room for, each as a span
  terms     opaque; kept with the record

Returns 'F' and a ruling a claim; or, of a message whose charge is on record, 'R', its terms and its rulings; or 'C'
when that record is of another op or body. A ruling, RULING below: 1 byte (1 allowed, 2 charged), held, rest, wait, at,
born: struct ruling in core/decide.h.

Times are integers in us since 1970, a span is whole us and a remainder in 1/limit us. All numbers stay below 2^53, up
to which Lua is exact; the bounds of core/policy.h see to it. Nothing is written by a peek or a denial. Every key
expires, when what it holds has no more effect, rounded up to ms.
]]

local RECORD_MS = 15000
local CLAIM, CLAIM_LEN = '<BI7I7I7I7I7I7', 43
local RULING = '<BI7I7I7I7I7'
local RUN, RUN_LEN = '<I7I7', 14
local GCRA = '<I7I7I7I7I7'
local FIXED = '<I7I7I7'
local DIGIT = 1048576

local function quotient(x, y)
    return (x - math.fmod(x, y)) / y
end

local function expiry(us)
    return math.ceil(us / 1000)
end

-- ---- rolling: run 0 is a sentinel, then a run of (time, total so far) for each hit --------------------------------

-- `whole` is the account's value, or nil when its runs are fetched one by one.
local function run_at(a, i)
    local from = i * RUN_LEN
    if a.whole then
        return struct.unpack(RUN, a.whole, from + 1)
    end
    return struct.unpack(RUN, redis.call('GETRANGE', a.key, from, from + RUN_LEN - 1))
end

-- The first run in low … high - 1 whose time (field 1) or total (field 2) is over the bound; high when none is.
local function first_over(a, field, bound, low, high)
    while low < high do
        local middle = math.floor((low + high) / 2)
        if select(field, run_at(a, middle)) > bound then
            high = middle
        else
            low = middle + 1
        end
    end
    return low
end

-- Returns fits, used, us until all is free, us until it fits, now.
local function measure_rolling(a, clock, window, limit, cost)
    local count = a.bytes / RUN_LEN
    a.count, a.first, a.used = count, count, 0
    if count == 0 then
        return cost <= limit, 0, 0, 0, clock
    end
    local newest, total = run_at(a, count - 1)
    local now = math.max(clock, newest)
    a.first = first_over(a, 1, now - window, 1, count)
    local _, before = run_at(a, a.first - 1)
    local used = total - before
    a.used, a.total, a.before = used, total, before
    local rest = used > 0 and newest + window - now or 0
    if used + cost <= limit then
        return true, used, rest, 0, now
    end
    local leaving = first_over(a, 2, before + used + cost - limit - 1, a.first, count - 1)
    return false, used, rest, (run_at(a, leaving)) + window - now, now
end

-- Returns used, us until all is free, born.
local function charge_rolling(a, now, window, cost)
    local hit, ends = struct.pack(RUN, now, (a.total or 0) + cost), expiry(now + window)
    if a.used == 0 then
        redis.call('SET', a.key, struct.pack(RUN, now, 0) .. struct.pack(RUN, now, cost), 'PXAT', ends)
        return cost, window, now
    end
    local born = run_at(a, 0)
    if a.whole then
        local alive = string.sub(a.whole, a.first * RUN_LEN + 1)
        redis.call('SET', a.key, struct.pack(RUN, born, a.before) .. alive .. hit, 'PXAT', ends)
    elseif a.first - 1 > a.count - a.first then
        local alive = redis.call('GETRANGE', a.key, a.first * RUN_LEN, -1)
        redis.call('SET', a.key, struct.pack(RUN, born, a.before) .. alive .. hit, 'PXAT', ends)
    else
        redis.call('APPEND', a.key, hit)
        redis.call('PEXPIREAT', a.key, ends)
    end
    return a.used + cost, window, born
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

-- Returns fits, owed us, owed rem, us until it fits, now.
local function measure_gcra(a, clock, limit, add_us, add_rem, room_us, room_rem)
    local now, us, rem = clock, 0, 0
    if a.whole then
        local tat, tat_rem, unit, last, born = struct.unpack(GCRA, a.whole)
        now = math.max(clock, last)
        a.born = born
        if tat >= now then
            us, rem = tat - now, tat_rem
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
    local wait = over_us + (over_rem > 0 and 1 or 0)
    return wait <= 0, us, rem, math.max(wait, 0), now
end

-- Returns owed us, owed rem, born.
local function charge_gcra(a, now, limit, us, rem, add_us, add_rem)
    local born = (us > 0 or rem > 0) and a.born or now
    us, rem = us + add_us, rem + add_rem
    if rem >= limit then
        us, rem = us + 1, rem - limit
    end
    local value = struct.pack(GCRA, now + us, rem, limit, now, born)
    redis.call('SET', a.key, value, 'PXAT', expiry(now + us + (rem > 0 and 1 or 0)))
    return us, rem, born
end

-- ---- fixed: used, newest charge, born ------------------------------------------------------------------------------

-- Returns fits, used, us until all is free, us until it fits, now.
local function measure_fixed(a, clock, window, limit, cost)
    local now, used = clock, 0
    if a.whole then
        local held, last, born = struct.unpack(FIXED, a.whole)
        now = math.max(clock, last)
        a.born = born
        if last >= now - math.fmod(now, window) then
            used = held
        end
    end
    local rest = window - math.fmod(now, window)
    local fits = used + cost <= limit
    return fits, used, used > 0 and rest or 0, fits and 0 or rest, now
end

-- Returns used, us until all is free, born.
local function charge_fixed(a, now, window, used, cost)
    local born = used > 0 and a.born or now
    local rest = window - math.fmod(now, window)
    redis.call('SET', a.key, struct.pack(FIXED, used + cost, now, born), 'PXAT', expiry(now + rest))
    return used + cost, rest, born
end

-- ---- the check -----------------------------------------------------------------------------------------------------

local function read(keys, request, bits)
    if math.floor(bits / 2) % 2 == 0 then
        return redis.call('MGET', unpack(keys))
    end
    local values = { redis.call('GET', keys[1]) }
    for i = 2, #keys do
        local flags = string.byte(request, 18 + (i - 2) * CLAIM_LEN)
        values[i] = flags < 16 and redis.call('GET', keys[i])
    end
    return values
end

local function account(key, value, flags)
    if flags < 16 then
        return { key = key, whole = value or nil, bytes = value and #value or 0 }
    end
    return { key = key, bytes = redis.call('STRLEN', key) }
end

local function measure(c, clock)
    local fits
    if c.kind == 0 then
        fits, c.held, c.rest, c.wait, c.now = measure_rolling(c.account, clock, c.window, c.limit, c.a)
    elseif c.kind == 1 then
        fits, c.held, c.rest, c.wait, c.now = measure_gcra(c.account, clock, c.limit, c.a, c.b, c.c, c.d)
    else
        fits, c.held, c.rest, c.wait, c.now = measure_fixed(c.account, clock, c.window, c.limit, c.a)
    end
    c.allowed = fits and not c.never
    c.wait = c.never and 0 or c.wait
end

local function charge(c)
    if c.kind == 0 then
        c.held, c.rest, c.born = charge_rolling(c.account, c.now, c.window, c.a)
    elseif c.kind == 1 then
        c.held, c.rest, c.born = charge_gcra(c.account, c.now, c.limit, c.held, c.rest, c.a, c.b)
    else
        c.held, c.rest, c.born = charge_fixed(c.account, c.now, c.window, c.held, c.a)
    end
end

local function decide(keys, args, clock)
    local request, bits = args[1], string.byte(args[1])
    local values = read(keys, request, bits)
    local fingerprint = string.sub(request, 2, 17)
    if values[1] then
        return string.sub(values[1], 1, 16) == fingerprint and 'R' .. string.sub(values[1], 17) or 'C'
    end

    local claims, allowed = {}, true
    for i = 2, #keys do
        local flags, window, limit, a, b, c, d = struct.unpack(CLAIM, request, 18 + (i - 2) * CLAIM_LEN)
        local claim = { kind = flags % 4, never = math.floor(flags / 8) % 2 == 1, window = window, limit = limit,
                        a = a, b = b, c = c, d = d, account = account(keys[i], values[i], flags) }
        measure(claim, clock)
        claims[i - 1] = claim
        allowed = allowed and (claim.allowed or math.floor(flags / 4) % 2 == 1)
    end

    local charging, charged, rulings = allowed and bits % 2 == 0, false, {}
    for i, c in ipairs(claims) do
        local verdict = c.allowed and 1 or 0
        -- A cost adds something to any account; the cost 0 nothing.
        if charging and c.allowed and (c.a > 0 or c.b > 0) then
            charge(c)
            charged = true
            verdict = 3
        end
        rulings[i] = struct.pack(RULING, verdict, c.held, c.rest, c.wait, c.now, c.born or 0)
    end
    local answer = table.concat(rulings)
    if charged then
        redis.call('SET', keys[1], fingerprint .. args[2] .. answer, 'PX', RECORD_MS)
    end
    return 'F' .. answer
end

redis.register_function('ratelimit_check', function(keys, args)
    local time = redis.call('TIME')
    return decide(keys, args, time[1] * 1000000 + time[2])
end)
