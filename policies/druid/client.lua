-- Talks to the Druid of one cluster: the only place from which requests leave for it.
--
-- Opened once in a run, and used through the modules below, which name the calls:
--   client.coordinator, client.overlord, client.process (single pods), client.query (SQL)
-- What can be decided without asking is in client.address, client.answer and client.gate. A call gives a
-- value or nil, err with err.code ("network", "timeout", "unavailable", "busy", "unauthorized", "forbidden",
-- "not_found", "invalid", "failed", …), err.message and err.status; err.retry_ms when it was not even sent.
--
-- Only the leader of the Coordinators and of the Overlords answers; another one redirects to it. The
-- redirect is followed with the body, to the pod it names if that is one of this cluster's; if not, the
-- pods are asked who leads. A call that may have arrived is never sent again to somebody else: only reads
-- are, and calls whose connection did not come about.

local address = require "druid.client.address"
local answers = require "druid.client.answer"
local auth = require "druid.client.auth"
local gate = require "druid.client.gate"
local names = require "druid.names"
local selector = require "lib.selector"
local tables = require "lib.tables"

local M = {}

M.read_ms, M.write_ms = 5000, 10000
M.budget_ms = 12000      -- what the calls of one run may take together
M.hops_max = 3
M.leads = { coordinator = "/druid/coordinator/v1/isLeader", overlord = "/druid/indexer/v1/isLeader" }
M.author = "nemeton"

-- uid of the cluster = its gate; a memory that may be lost at any time.
local gates, gate_count, gates_max = {}, 0, 64
local everybody = gate.new()

local function forget_idle_gates(now)
  for uid, state in pairs(gates) do
    if gate.is_idle(state, now) then
      gates[uid], gate_count = nil, gate_count - 1
    end
  end
  gates_max = math.max(64, 2 * gate_count)
end

local function gate_of(druid)
  if not druid.gate then
    local uid = druid.cluster.uid
    if not gates[uid] then
      if gate_count >= gates_max then
        forget_idle_gates(clock.now_ms())
      end
      gates[uid], gate_count = gate.new(), gate_count + 1
    end
    druid.gate = gates[uid]
  end
  return druid.gate
end

-- doors: { kube =, http =, previewing = }. options: { auth = a block that goes before spec.auth, share = how
-- many of the cluster's calls at a time, at most, gate = a state of one's own }.
function M.open(doors, cluster, options)
  options = options or {}
  return { cluster = cluster, kube = doors.kube, http = doors.http, previewing = doors.previewing,
    auth = options.auth, share = options.share, gate = options.gate, spent_ms = 0 }
end

-- The pods of the cluster, looked up once in a run.
function M.pods(druid)
  if not druid.pod_list then
    druid.pod_list = druid.kube.list({ apiVersion = "v1", kind = "Pod", namespace = druid.cluster.namespace,
      labels = selector.text(names.cluster_labels(druid.cluster.name)) })
  end
  return druid.pod_list
end

-- Reads what every request needs, once in a run.
local function credentials(druid)
  if not druid.ready then
    local cluster, err = druid.cluster, nil
    if druid.auth then
      druid.header, err = auth.header(druid.kube, druid.auth, cluster.namespace)
    end
    if not druid.header and not err then
      druid.header, err = auth.header(druid.kube, cluster.spec.auth, cluster.namespace)
    end
    if not err then
      druid.ca, err = auth.authority(druid.kube, cluster)
    end
    druid.ready, druid.refused = true, err
  end
  return druid.refused == nil, druid.refused
end

local function headers(druid, call)
  local all = { Authorization = druid.header, Accept = "application/json" }
  if call.body then
    all["Content-Type"] = "application/json"
  end
  if call.method ~= "GET" then
    all["X-Druid-Author"] = M.author
    all["X-Druid-Comment"] = call.comment
  end
  return all
end

-- One request to one place. Gives the answer whatever its status, or nil, err when there was none.
local function send(druid, place, call)
  local what = call.method .. " " .. call.path:gsub("%?.*", "") .. " of " .. place.what
  if druid.previewing then
    return nil, { code = "network", message = what .. ": a preview sends nothing" }
  end
  local allowed, refused = credentials(druid)
  if not allowed then
    return nil, refused
  end
  local now = clock.now_ms()
  local limit = call.timeout_ms or (call.method == "GET" and M.read_ms or M.write_ms)
  if druid.spent_ms >= M.budget_ms then
    return nil, { code = "busy", retry_ms = 1000, message = what .. ": Druid has used up the time of this run" }
  end
  -- Behind one Router a role may hang while another answers.
  local ticket, closed = gate.enter(gate_of(druid), everybody, (call.role or "") .. " " .. place.url, now, limit,
    druid.share)
  if not ticket then
    return nil, closed
  end
  local answer, err = druid.http.request({ method = call.method, url = place.url .. call.path,
    headers = headers(druid, call), body = call.body, timeout_ms = ticket.timeout_ms,
    ca = place.url:find("^https") and druid.ca or nil })
  local after = clock.now_ms()
  druid.spent_ms = druid.spent_ms + after - now
  local failure = not answer and answers.silence(what, err or { code = "network", message = "no answer" })
  gate.leave(druid.gate, everybody, ticket, after, failure or nil)
  if failure then
    return nil, failure
  end
  answer.what, answer.anonymous = what, druid.header == nil
  return answer
end

-- The pod that leads a role, by asking each: { url =, pod =, what = } or nil, err.
function M.ask_for_leader(druid, role)
  local last
  for _, group in ipairs(address.groups(druid.cluster, role)) do
    for _, pod in ipairs(M.pods(druid)) do
      local place = address.group_of(druid.cluster, pod) == group and address.of_pod(druid.cluster, pod)
      local answer, err
      if place then
        answer, err = send(druid, place, { method = "GET", path = M.leads[role], role = role })
        last = err or last
      end
      local said = answer and answer.status == 200 and json.decode(answer.body)
      if type(said) == "table" and said.leader == true then
        return place
      end
    end
  end
  return nil, last or { code = "unavailable", message = "no " .. role .. " leads at the moment" }
end

-- Where a redirect leads. The host of it is looked for among the cluster's own.
local function follow(druid, role, answer)
  local to = address.split((answer.headers or {}).location or "")
  local place = to and address.resolve(druid.cluster, to.host, M.pods(druid))
  if place or not M.leads[role] then
    return place, { code = "failed", message = answer.what .. ": redirects to " .. (to and to.host or "nowhere")
      .. ", which is not of this cluster" }
  end
  return M.ask_for_leader(druid, role)
end

-- A request to one place and on to where it redirects.
local function send_on(druid, role, place, call)
  for _ = 1, M.hops_max do
    local answer, err = send(druid, place, call)
    if not answer then
      return nil, err
    elseif not answers.is_redirect(answer) then
      return answer
    end
    place, err = follow(druid, role, answer)
    if not place then
      return nil, err
    end
  end
  return nil, { code = "unavailable", message = call.method .. " " .. call.path .. ": redirected in a circle; "
    .. "the leader is changing" }
end

-- Nobody can have got it, or getting it twice does no harm.
local function may_go_elsewhere(call, err)
  return err.code ~= "busy" and (call.method == "GET" or err.retry_ms ~= nil or err.reason == "Refused")
end

-- Asks one place after the other. Gives the value, or nil and the error of who said most, and whether it is of
-- no use to ask anybody else.
local function call_places(druid, role, list, call, last)
  for _, place in ipairs(list) do
    local answer, err = send_on(druid, role, place, call)
    if answer then
      druid.gate.good = druid.gate.good or {}
      druid.gate.good[role] = place.url
      local value
      value, err = answers.value(answer.what, answer, call.kind)
      return value, err, true
    end
    last = last and last.code ~= "network" and last or err   -- who says more than "not there"
    if not may_go_elsewhere(call, err) then
      return nil, last, true
    end
  end
  return nil, last, false
end

-- The place that answered last goes first.
local function good_first(druid, role, list)
  local good = tables.dig(gate_of(druid).good, role)
  for i, place in ipairs(list) do
    if place.url == good then
      table.insert(list, 1, table.remove(list, i))
      return true
    end
  end
  return good == nil
end

-- role: "coordinator", "overlord" or "query". call: { method =, path =, body = text, comment =, timeout_ms =,
-- kind = as in answer.value }. Pods are looked up only when they are needed.
function M.call(druid, role, call)
  call.role = role
  local services = address.services(druid.cluster, role)
  local value, err, done
  if good_first(druid, role, services) then
    value, err, done = call_places(druid, role, services, call)
    if done then
      return value, err
    end
    value, err, done = call_places(druid, role, address.single(druid.cluster, role, M.pods(druid)), call, err)
  else
    local list = tables.concat(address.single(druid.cluster, role, M.pods(druid)), services)
    good_first(druid, role, list)
    value, err, done = call_places(druid, role, list, call)
  end
  if done or err then
    return value, err
  end
  return nil, { code = "no_place", message = "the cluster has no " .. (role == "query" and "router or broker" or role)
    .. " that can be asked" }
end

-- The same to one pod.
function M.call_pod(druid, pod, call)
  local place = address.of_pod(druid.cluster, pod)
  if not place then
    return nil, { code = "no_place", message = "pod " .. pod.metadata.name .. " has no address yet" }
  end
  local answer, err = send(druid, place, call)
  if not answer then
    return nil, err
  end
  return answers.value(answer.what, answer, call.kind)
end

-- timeout_ms: for what takes Druid long in a large cluster.
function M.get(druid, role, path, kind, timeout_ms)
  return M.call(druid, role, { method = "GET", path = path, kind = kind, timeout_ms = timeout_ms })
end

-- body: a table, sent as JSON, or nil.
function M.post(druid, role, path, body, comment, kind, timeout_ms)
  return M.call(druid, role, { method = "POST", path = path, body = body and json.encode(body), comment = comment,
    kind = kind, timeout_ms = timeout_ms })
end

-- A name as a part of a path.
function M.escape(name)
  return (name:gsub("[^%w%-%._~]", function(c) return string.format("%%%02X", c:byte()) end))
end

return M
