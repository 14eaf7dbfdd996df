local duration = require "lib.duration"

return {
  ["reads what Go writes"] = function(t)
    for text, seconds in pairs({ ["1h"] = 3600, ["90s"] = 90, ["1h30m"] = 5400, ["0s"] = 0, ["0"] = 0, ["1.5m"] = 90,
      ["500ms"] = 1 }) do
      t.equal(duration.seconds(text), seconds, text)
    end
    t.equal(duration.seconds(45), 45)
    for _, text in ipairs({ "", "h", "1", "1 h", "-1h", "1d" }) do
      t.equal(duration.seconds(text), nil, text)
    end
    t.equal(duration.seconds(nil), nil)
  end,
  ["reads what Java writes"] = function(t)
    for text, seconds in pairs({ PT60S = 60, PT1H30M = 5400, P1DT2H = 93600, P2D = 172800, ["PT0.5S"] = 1 }) do
      t.equal(duration.iso(text), seconds, text)
    end
    for _, text in ipairs({ "", "P", "PT", "60", "1h" }) do
      t.equal(duration.iso(text), nil, text)
    end
  end,
  ["writes for people"] = function(t)
    t.equal(duration.text(45), "45 s")
    t.equal(duration.text(1800), "30 min")
    t.equal(duration.text(7500), "2 h 5 min")
    t.equal(duration.text(7200), "2 h")
  end,
}
