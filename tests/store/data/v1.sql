CREATE TABLE comparisons (
            id TEXT PRIMARY KEY,
            created_at TEXT NOT NULL,
            targets TEXT NOT NULL,     -- JSON: key, label, detail and place of each target
            body TEXT NOT NULL,        -- JSON of core.runs.Comparison without its turns
            deleted_at TEXT,
            deleted_by TEXT            -- the process in which it can still be restored
        );
CREATE TABLE turns (
            id TEXT PRIMARY KEY,
            comparison_id TEXT NOT NULL REFERENCES comparisons ON DELETE CASCADE,
            position INTEGER NOT NULL,
            prompt TEXT NOT NULL,
            run_order TEXT NOT NULL,
            hidden_names INTEGER NOT NULL,
            winner_run_id TEXT,
            verdict TEXT,
            created_at TEXT
        );
CREATE INDEX turns_of ON turns (comparison_id, position);
CREATE TABLE runs (
            id TEXT PRIMARY KEY,
            turn_id TEXT NOT NULL REFERENCES turns ON DELETE CASCADE,
            position INTEGER NOT NULL,
            target_key TEXT NOT NULL,
            status TEXT NOT NULL,
            has_answer INTEGER NOT NULL,
            owner TEXT NOT NULL,       -- the process that runs it
            body TEXT NOT NULL         -- JSON of core.runs.Run
        );
CREATE INDEX runs_of ON runs (turn_id, position);
CREATE TABLE events (
            id INTEGER PRIMARY KEY,
            run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
            body TEXT NOT NULL         -- JSON: a list of core.events.StreamEvent
        );
CREATE INDEX events_of ON events (run_id, id);
CREATE TABLE search_texts (
            id INTEGER PRIMARY KEY,
            comparison_id TEXT NOT NULL REFERENCES comparisons ON DELETE CASCADE,
            source TEXT NOT NULL UNIQUE,   -- turn:<id>, run:<id> or names:<comparison id>
            text TEXT NOT NULL
        );
CREATE INDEX search_texts_of ON search_texts (comparison_id);
INSERT INTO comparisons VALUES ('c1','2026-01-01T12:00:00.000000+00:00','[{"key": "local:/models/smol.gguf", "label": "SmolLM2 135M", "detail": "Q4_1", "place": "here"}, {"key": "acme:gpt-large-2", "label": "gpt-large-2", "detail": "Acme", "place": "cloud"}]','{"type": "Comparison", "id": "c1", "targets": [{"type": "LocalTarget", "model": {"type": "ModelFile", "path": "/models/smol.gguf", "name": "SmolLM2 135M", "size_bytes": 94000000, "source": "Starter", "architecture": "llama", "quantization": "Q4_1", "parameters": null, "context_length": null, "has_chat_template": null, "problem": null}, "settings": {"type": "LoadSettings", "context": 2048, "gpu_layers": null, "kv_type": "f16", "threads": null, "flash_attention": "auto"}}, {"type": "CloudTarget", "provider": {"type": "Provider", "id": "acme", "name": "Acme", "base_url": "https://api.acme.example/v1", "tier": "studio API", "key_env": null, "key_url": null, "price_id": null, "rejects": ["seed"], "max_tokens_field": "max_tokens", "seed_field": "seed", "repeat_penalty_field": "repeat_penalty", "preset": null, "is_practice": false}, "model": "gpt-large-2"}], "system_prompt": "Be brief.", "sampling": {"type": "SamplingParams", "temperature": null, "top_p": null, "top_k": null, "min_p": null, "repeat_penalty": null, "seed": null, "max_tokens": null, "stop": [], "logprobs": null}, "overrides": [], "system_overrides": [], "turns": [], "created_at": "2026-01-01T12:00:00+00:00"}',NULL,NULL);
INSERT INTO turns VALUES ('c1-turn0','c1',0,'Which rivers are long?','fair',0,'c1-run1',NULL,'2026-01-01T12:00:00+00:00');
INSERT INTO runs VALUES ('c1-run0','c1-turn0',0,'local:/models/smol.gguf','finished',1,'14155:1795385567:c80e28ce','{"type": "Run", "id": "c1-run0", "target": {"type": "LocalTarget", "model": {"type": "ModelFile", "path": "/models/smol.gguf", "name": "SmolLM2 135M", "size_bytes": 94000000, "source": "Starter", "architecture": "llama", "quantization": "Q4_1", "parameters": null, "context_length": null, "has_chat_template": null, "problem": null}, "settings": {"type": "LoadSettings", "context": 2048, "gpu_layers": null, "kv_type": "f16", "threads": null, "flash_attention": "auto"}}, "request": {"type": "ChatRequest", "messages": [{"type": "Message", "role": "user", "content": "Which rivers are long?"}], "sampling": {"type": "SamplingParams", "temperature": null, "top_p": null, "top_k": null, "min_p": null, "repeat_penalty": null, "seed": 7, "max_tokens": null, "stop": ["END"], "logprobs": null}, "keep_cache": false}, "order": 0, "status": "finished", "text": "The Nile", "reasoning": "", "finish_reason": "stop", "usage": {"type": "TokenUsage", "prompt_tokens": 7, "completion_tokens": 2, "cached_tokens": null, "reasoning_tokens": null, "processed_tokens": null, "provenance": "measured"}, "timings": {"type": "Timings", "load_s": null, "ttft_s": 0.09000000000000001, "first_answer_s": 0.09000000000000001, "prompt_s": 0.05, "generation_s": 0.1, "total_s": 0.29000000000000004}, "counts": {"type": "StreamCounts", "chunks": 2, "tokens": 2, "characters": 8, "first_chunk_characters": 4, "words": 2, "first_chunk_words": 1, "reasoning_characters": 0}, "was_loaded": true, "sent_t_s": 0.01, "shared_machine": false, "hosts": [{"type": "HostContact", "host": "api.acme.example", "bytes_sent": 120}], "reported_cost_usd": null, "cost": null, "notices": [], "error": null, "started_at": null}');
INSERT INTO runs VALUES ('c1-run1','c1-turn0',1,'acme:gpt-large-2','finished',1,'14155:1795385567:c80e28ce','{"type": "Run", "id": "c1-run1", "target": {"type": "CloudTarget", "provider": {"type": "Provider", "id": "acme", "name": "Acme", "base_url": "https://api.acme.example/v1", "tier": "studio API", "key_env": null, "key_url": null, "price_id": null, "rejects": ["seed"], "max_tokens_field": "max_tokens", "seed_field": "seed", "repeat_penalty_field": "repeat_penalty", "preset": null, "is_practice": false}, "model": "gpt-large-2"}, "request": {"type": "ChatRequest", "messages": [{"type": "Message", "role": "user", "content": "Which rivers are long?"}], "sampling": {"type": "SamplingParams", "temperature": null, "top_p": null, "top_k": null, "min_p": null, "repeat_penalty": null, "seed": 7, "max_tokens": null, "stop": ["END"], "logprobs": null}, "keep_cache": false}, "order": 0, "status": "finished", "text": "Amazon and Nile", "reasoning": "", "finish_reason": "stop", "usage": {"type": "TokenUsage", "prompt_tokens": 7, "completion_tokens": 3, "cached_tokens": null, "reasoning_tokens": null, "processed_tokens": null, "provenance": "measured"}, "timings": {"type": "Timings", "load_s": null, "ttft_s": 0.09000000000000001, "first_answer_s": 0.09000000000000001, "prompt_s": 0.05, "generation_s": 0.20000000000000004, "total_s": 0.39}, "counts": {"type": "StreamCounts", "chunks": 3, "tokens": 3, "characters": 15, "first_chunk_characters": 7, "words": 3, "first_chunk_words": 1, "reasoning_characters": 0}, "was_loaded": true, "sent_t_s": 0.01, "shared_machine": false, "hosts": [{"type": "HostContact", "host": "api.acme.example", "bytes_sent": 120}], "reported_cost_usd": null, "cost": null, "notices": [], "error": null, "started_at": null}');
INSERT INTO events VALUES (1,'c1-run0','[{"type":"RequestSent","t_s":0.01,"was_loaded":true,"load_s":null,"hosts":[]},{"type":"TextDelta","t_s":0.1,"text":"The ","tokens":[{"type":"Token","text":"The ","t_s":0.1,"probability":0.5,"alternatives":[{"type":"Alternative","text":"The ","probability":0.5},{"type":"Alternative","text":"x","probability":0.25}]}]}]');
INSERT INTO events VALUES (2,'c1-run0','[{"type":"TextDelta","t_s":0.2,"text":"Nile","tokens":[{"type":"Token","text":"Nile","t_s":0.2,"probability":0.5,"alternatives":[{"type":"Alternative","text":"Nile","probability":0.5},{"type":"Alternative","text":"x","probability":0.25}]}]},{"type":"Finished","t_s":0.30000000000000004,"usage":{"type":"TokenUsage","prompt_tokens":7,"completion_tokens":2,"cached_tokens":null,"reasoning_tokens":null,"processed_tokens":null,"provenance":"measured"},"finish_reason":"stop","prompt_s":0.05,"hosts":[{"type":"HostContact","host":"api.acme.example","bytes_sent":120}],"reported_cost_usd":null}]');
INSERT INTO events VALUES (3,'c1-run1','[{"type":"RequestSent","t_s":0.01,"was_loaded":true,"load_s":null,"hosts":[]},{"type":"TextDelta","t_s":0.1,"text":"Amazon ","tokens":[{"type":"Token","text":"Amazon ","t_s":0.1,"probability":0.5,"alternatives":[{"type":"Alternative","text":"Amazon ","probability":0.5},{"type":"Alternative","text":"x","probability":0.25}]}]}]');
INSERT INTO events VALUES (4,'c1-run1','[{"type":"TextDelta","t_s":0.2,"text":"and ","tokens":[{"type":"Token","text":"and ","t_s":0.2,"probability":0.5,"alternatives":[{"type":"Alternative","text":"and ","probability":0.5},{"type":"Alternative","text":"x","probability":0.25}]}]},{"type":"TextDelta","t_s":0.30000000000000004,"text":"Nile","tokens":[{"type":"Token","text":"Nile","t_s":0.30000000000000004,"probability":0.5,"alternatives":[{"type":"Alternative","text":"Nile","probability":0.5},{"type":"Alternative","text":"x","probability":0.25}]}]},{"type":"Finished","t_s":0.4,"usage":{"type":"TokenUsage","prompt_tokens":7,"completion_tokens":3,"cached_tokens":null,"reasoning_tokens":null,"processed_tokens":null,"provenance":"measured"},"finish_reason":"stop","prompt_s":0.05,"hosts":[{"type":"HostContact","host":"api.acme.example","bytes_sent":120}],"reported_cost_usd":null}]');
INSERT INTO search_texts VALUES (1,'c1','names:c1','SmolLM2 135M Q4_1
gpt-large-2 Acme');
INSERT INTO search_texts VALUES (2,'c1','turn:c1-turn0','Which rivers are long?');
INSERT INTO search_texts VALUES (3,'c1','run:c1-run0','The Nile');
INSERT INTO search_texts VALUES (4,'c1','run:c1-run1','Amazon and Nile');
PRAGMA user_version = 1;
