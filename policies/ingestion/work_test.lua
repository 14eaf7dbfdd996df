local work = require "ingestion.work"

local uids = 0

local function new(old)
  uids = uids + 1
  return { object = { metadata = { uid = "w" .. uids } }, old = old or {}, new = {}, events = {} }
end

return {
  ["a Druid that starts and answers 500 is believed only after a while, one that refuses at once"] = function(t)
    local w = new()
    for _ = 1, work.doubts do
      work.fails(w, { code = "failed", status = 500, message = "no" }, "Create")
      t.equal({ w.phase, #w.events }, { "Waiting", 0 })
    end
    work.fails(w, { code = "failed", status = 500, message = "no" }, "Create")
    t.equal({ w.phase, w.events[1].reason }, { "Rejected", "DruidIngestionControllerCreateFail" })
    w.old, w.events = { phase = "Rejected", message = "no" }, {}
    work.fails(w, { code = "failed", status = 500, message = "no" }, "Create")
    t.equal({ w.phase, #w.events }, { "Rejected", 0 })
    w = new()
    work.fails(w, { code = "invalid", status = 400, message = "no" }, "Update")
    t.equal({ w.phase, w.again_ms }, { "Rejected", work.rejected_ms })
  end,
  ["the pause grows, and is no shorter than what Druid's silence asks for"] = function(t)
    local w = new()
    local err = { code = "timeout", message = "no" }
    t.equal({ work.patience(w, err), work.patience(w, err), work.patience(w, err) }, { 2000, 4000, 8000 })
    t.equal(work.patience(w, { code = "timeout", retry_ms = 50000 }), 50000)
    for _ = 1, 20 do
      work.patience(w, err)
    end
    t.equal(work.patience(w, err), work.retry_ms_max)
    work.answered(w)
    t.equal(work.patience(w, err), 2000)
  end,
  ["what runs is said to run while Druid is silent"] = function(t)
    local w = new({ phase = "Running", message = "it runs" })
    w.submitted = true
    work.fails(w, { code = "timeout", message = "no" }, "Update")
    t.equal({ w.phase, w.message }, { "Running", "it runs" })
  end,
}
