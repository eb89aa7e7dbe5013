BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE attempts (
	run_id VARCHAR NOT NULL, 
	task VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	request_id VARCHAR NOT NULL, 
	description VARCHAR NOT NULL, 
	prefix VARCHAR NOT NULL, 
	operation VARCHAR NOT NULL, 
	first_posted FLOAT NOT NULL, eecu_seconds FLOAT DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_attempts PRIMARY KEY (run_id, task, number), 
	CONSTRAINT fk_attempts_run_id_task FOREIGN KEY(run_id, task) REFERENCES tasks (run_id, "key"), 
	CONSTRAINT uq_attempts_request_id UNIQUE (request_id), 
	CONSTRAINT uq_attempts_description UNIQUE (description)
);
INSERT INTO "attempts" VALUES('9f7bb4b32c576969','0000',1,'x3c575d0d61fd7dce661d17a0ae546551a617bd2e00ceb456','orchestrator.9f7bb4b32c576969.0000.a1.3c575d0d61fd.256x256.r0','orchestrator/a8d6da5f/9f7bb4b32c576969/0000-a1-3c575d0dx','projects/orchestrator-sandbox/operations/24Q40N4EEY8VJZ5RXHMTTF3V',1.79573892207522106167e+09,0.05);
INSERT INTO "attempts" VALUES('9f7bb4b32c576969','0001',1,'x73ecb5e176abbbd1fc88a31962d775879a1b1981b0c3cb6d','orchestrator.9f7bb4b32c576969.0001.a1.73ecb5e176ab.256x256.r0','orchestrator/a8d6da5f/9f7bb4b32c576969/0001-a1-73ecb5e1x','projects/orchestrator-sandbox/operations/SPDWJMRNHB5IBO8JMWNMPKPF',1.79573892215858411784e+09,0.036);
INSERT INTO "attempts" VALUES('9f7bb4b32c576969','0002',1,'x53bcf059f71db502c7d07834e3233b262681e13b57a6b61e','orchestrator.9f7bb4b32c576969.0002.a1.53bcf059f71d.256x256.r0','orchestrator/a8d6da5f/9f7bb4b32c576969/0002-a1-53bcf059x','projects/orchestrator-sandbox/operations/7MTPI9EOJQERLD7YUVVVKNV3',1.79573892269928693772e+09,0.029);
INSERT INTO "attempts" VALUES('9f7bb4b32c576969','0003',1,'x73510ad1570aa30d1f851c553020d5d4c3835c4ce2a5ce27','orchestrator.9f7bb4b32c576969.0003.a1.73510ad1570a.256x256.r0','orchestrator/a8d6da5f/9f7bb4b32c576969/0003-a1-73510ad1x','projects/orchestrator-sandbox/operations/TCS59VBCTBNQI6QFX9S8ISTG',1.79573892277754211424e+09,0.025);
CREATE TABLE documents (
	run_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	content TEXT NOT NULL, 
	CONSTRAINT pk_documents PRIMARY KEY (run_id, name), 
	CONSTRAINT fk_documents_run_id FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "documents" VALUES('33156e772a121c5e','plan','{"version":2,"grid":{"crs":"EPSG:32633","transform":[10.0,0.0,500050.0,0.0,-10.0,5105080.0],"height":503,"width":500},"pixels":{"bands":["x","y","mixed"],"dtype":"float32","nodata":-9999.0,"scale":1.0,"offset":0.0},"tasks":[],"area_wkb":"010300000001000000050000000000000048851e4100000080847453410000000010d11e4100000000597553410000000068d31e41000000005a7953410000000090921e41000000006e7953410000000048851e410000008084745341","area_pixels":203502,"max_part_bytes":1310720,"bucket_bytes":0,"disk_bytes":11836272,"memory_bytes":276848368,"notes":["area: the middle of the area lies at latitude 46.08 N, longitude 15.03 E.","route pixels: 1 request, 3.6 MiB as Earth Engine counts them, the heaviest 3.6 MiB of 48.0 MiB."],"direct":[[0,0,503,500]]}');
INSERT INTO "documents" VALUES('33156e772a121c5e','image','{"result":"0","values":{"0":{"functionInvocationValue":{"arguments":{"bandTypes":{"dictionaryValue":{"values":{"mixed":{"valueReference":"1"},"x":{"valueReference":"1"},"y":{"valueReference":"1"}}}},"image":{"functionInvocationValue":{"arguments":{"bandSelectors":{"arrayValue":{"values":[{"valueReference":"2"},{"valueReference":"3"},{"valueReference":"4"}]}},"input":{"functionInvocationValue":{"arguments":{"image":{"functionInvocationValue":{"arguments":{"dstImg":{"functionInvocationValue":{"arguments":{"dstImg":{"valueReference":"5"},"srcImg":{"valueReference":"7"}},"functionName":"Image.addBands"}},"srcImg":{"functionInvocationValue":{"arguments":{"input":{"valueReference":"8"},"names":{"arrayValue":{"values":[{"valueReference":"4"}]}}},"functionName":"Image.rename"}}},"functionName":"Image.addBands"}},"mask":{"functionInvocationValue":{"arguments":{"image1":{"functionInvocationValue":{"arguments":{"image1":{"valueReference":"8"},"image2":{"functionInvocationValue":{"arguments":{"value":{"constantValue":5}},"functionName":"Image.constant"}}},"functionName":"Image.mod"}},"image2":{"functionInvocationValue":{"arguments":{"value":{"constantValue":0}},"functionName":"Image.constant"}}},"functionName":"Image.neq"}}},"functionName":"Image.updateMask"}}},"functionName":"Image.select"}}},"functionName":"Image.cast"}},"1":{"constantValue":"float"},"2":{"constantValue":"x"},"3":{"constantValue":"y"},"4":{"constantValue":"mixed"},"5":{"functionInvocationValue":{"arguments":{"bandSelectors":{"arrayValue":{"values":[{"valueReference":"2"}]}},"input":{"valueReference":"6"}},"functionName":"Image.select"}},"6":{"functionInvocationValue":{"arguments":{"projection":{"functionInvocationValue":{"arguments":{"meters":{"constantValue":10},"projection":{"functionInvocationValue":{"arguments":{"crs":{"constantValue":"EPSG:32633"}},"functionName":"Projection"}}},"functionName":"Projection.atScale"}}},"functionName":"Image.pixelCoordinates"}},"7":{"functionInvocationValue":{"arguments":{"bandSelectors":{"arrayValue":{"values":[{"valueReference":"3"}]}},"input":{"valueReference":"6"}},"functionName":"Image.select"}},"8":{"functionInvocationValue":{"arguments":{"image1":{"functionInvocationValue":{"arguments":{"image1":{"functionInvocationValue":{"arguments":{"image1":{"valueReference":"5"},"image2":{"functionInvocationValue":{"arguments":{"value":{"constantValue":31}},"functionName":"Image.constant"}}},"functionName":"Image.multiply"}},"image2":{"functionInvocationValue":{"arguments":{"image1":{"valueReference":"7"},"image2":{"functionInvocationValue":{"arguments":{"value":{"constantValue":17}},"functionName":"Image.constant"}}},"functionName":"Image.multiply"}}},"functionName":"Image.add"}},"image2":{"functionInvocationValue":{"arguments":{"value":{"constantValue":1009}},"functionName":"Image.constant"}}},"functionName":"Image.mod"}}}}');
INSERT INTO "documents" VALUES('33156e772a121c5e','facts','{"recipe": "image-code", "parameters": {"file": "@ROOT@/image.py", "dtype": "float32", "nodata": "", "attribution": "", "licence": ""}, "code_sha256": "27389e7fe90e3248697cf2644bb312489d0dabc9e20e28b0205957411f1b19d6", "attribution": "", "licence": "", "scenes": [], "area_sha256": "eac4f4d2da6fd6233c0ab4f1ee2b20d485a6fa3aebe429f7a894a42b442ab2e2"}');
INSERT INTO "documents" VALUES('744e96eba33d0e09','plan','{"version":1,"zones":[{"crs":"EPSG:32633","transform":[20.0,0.0,500000.0,0.0,-20.0,5102000.0],"height":100,"width":100}],"pixels":{"bands":["x","y","mixed"],"dtype":"float32","nodata":-9999.0,"scale":1.0,"offset":0.0},"chips":[["1333a7d008677",0,50,0,50,50],["2f0ef08f27f5a",0,0,0,50,50],["357de6b29399e",0,50,50,50,50],["321f57f08cd6f",0,0,50,50,50]],"outside":"keep","rings":[[[15.01292698673926,46.05357363876357],[15.012929087135712,46.06257389118746],[14.999999999999982,46.0625746224296],[14.999999999999982,46.0535743697774],[15.01292698673926,46.05357363876357]],[[15.012929087135712,46.06257389118746],[15.01293118853293,46.071574129374895],[14.999999999999982,46.071574860845416],[14.999999999999982,46.0625746224296],[15.012929087135712,46.06257389118746]],[[15.025853972478364,46.05357144572222],[15.02585817327068,46.062571697461166],[15.012929087135712,46.06257389118746],[15.01292698673926,46.05357363876357],[15.025853972478364,46.05357144572222]],[[15.02585817327068,46.062571697461166],[15.025862376064524,46.071571934963444],[15.01293118853293,46.071574129374895],[15.012929087135712,46.06257389118746],[15.02585817327068,46.062571697461166]]],"code":"\nimport ee\n\n\ndef get_ee_image():\n    place = ee.Image.pixelCoordinates(ee.Projection(\"EPSG:32633\").atScale(10))\n    x, y = place.select(\"x\"), place.select(\"y\")\n    mixed = x.multiply(31).add(y.multiply(17)).mod(1009)\n    return x.addBands(y).addBands(mixed.rename(\"mixed\")).updateMask(mixed.mod(5).neq(0))\n","made_by":"6b671ef73d69121e99ac43b182bcbf5e0d0d90b704f3880ba254e689cdc96d80","notes":["4 chips of 50 \u00d7 50 pixels of 20 in EPSG:32633."]}');
INSERT INTO "documents" VALUES('744e96eba33d0e09','image','{"result":"0","values":{"0":{"functionInvocationValue":{"arguments":{"bandTypes":{"dictionaryValue":{"values":{"mixed":{"valueReference":"1"},"x":{"valueReference":"1"},"y":{"valueReference":"1"}}}},"image":{"functionInvocationValue":{"arguments":{"bandSelectors":{"arrayValue":{"values":[{"valueReference":"2"},{"valueReference":"3"},{"valueReference":"4"}]}},"input":{"functionInvocationValue":{"arguments":{"image":{"functionInvocationValue":{"arguments":{"dstImg":{"functionInvocationValue":{"arguments":{"dstImg":{"valueReference":"5"},"srcImg":{"valueReference":"7"}},"functionName":"Image.addBands"}},"srcImg":{"functionInvocationValue":{"arguments":{"input":{"valueReference":"8"},"names":{"arrayValue":{"values":[{"valueReference":"4"}]}}},"functionName":"Image.rename"}}},"functionName":"Image.addBands"}},"mask":{"functionInvocationValue":{"arguments":{"image1":{"functionInvocationValue":{"arguments":{"image1":{"valueReference":"8"},"image2":{"functionInvocationValue":{"arguments":{"value":{"constantValue":5}},"functionName":"Image.constant"}}},"functionName":"Image.mod"}},"image2":{"functionInvocationValue":{"arguments":{"value":{"constantValue":0}},"functionName":"Image.constant"}}},"functionName":"Image.neq"}}},"functionName":"Image.updateMask"}}},"functionName":"Image.select"}}},"functionName":"Image.cast"}},"1":{"constantValue":"float"},"2":{"constantValue":"x"},"3":{"constantValue":"y"},"4":{"constantValue":"mixed"},"5":{"functionInvocationValue":{"arguments":{"bandSelectors":{"arrayValue":{"values":[{"valueReference":"2"}]}},"input":{"valueReference":"6"}},"functionName":"Image.select"}},"6":{"functionInvocationValue":{"arguments":{"projection":{"functionInvocationValue":{"arguments":{"meters":{"constantValue":10},"projection":{"functionInvocationValue":{"arguments":{"crs":{"constantValue":"EPSG:32633"}},"functionName":"Projection"}}},"functionName":"Projection.atScale"}}},"functionName":"Image.pixelCoordinates"}},"7":{"functionInvocationValue":{"arguments":{"bandSelectors":{"arrayValue":{"values":[{"valueReference":"3"}]}},"input":{"valueReference":"6"}},"functionName":"Image.select"}},"8":{"functionInvocationValue":{"arguments":{"image1":{"functionInvocationValue":{"arguments":{"image1":{"functionInvocationValue":{"arguments":{"image1":{"valueReference":"5"},"image2":{"functionInvocationValue":{"arguments":{"value":{"constantValue":31}},"functionName":"Image.constant"}}},"functionName":"Image.multiply"}},"image2":{"functionInvocationValue":{"arguments":{"image1":{"valueReference":"7"},"image2":{"functionInvocationValue":{"arguments":{"value":{"constantValue":17}},"functionName":"Image.constant"}}},"functionName":"Image.multiply"}}},"functionName":"Image.add"}},"image2":{"functionInvocationValue":{"arguments":{"value":{"constantValue":1009}},"functionName":"Image.constant"}}},"functionName":"Image.mod"}}}}');
INSERT INTO "documents" VALUES('744e96eba33d0e09','facts','{"recipe": "image-code", "parameters": {"file": "@ROOT@/image.py", "dtype": "float32", "nodata": "", "attribution": "", "licence": ""}, "code_sha256": "27389e7fe90e3248697cf2644bb312489d0dabc9e20e28b0205957411f1b19d6", "attribution": "", "licence": "", "scenes": [], "tiles": "hills_partitions_cells_00d1c72fb32d4", "scale": 20.0}');
INSERT INTO "documents" VALUES('9f7bb4b32c576969','plan','{"version":2,"grid":{"crs":"EPSG:32633","transform":[10.0,0.0,500050.0,0.0,-10.0,5105080.0],"height":503,"width":500},"pixels":{"bands":["x","y","mixed"],"dtype":"float32","nodata":-9999.0,"scale":1.0,"offset":0.0},"tasks":[[0,0,0,256,256,256,256],[1,0,256,256,244,256,256],[2,256,0,247,256,256,256],[3,256,256,247,244,256,256]],"area_wkb":"010300000001000000050000000000000048851e4100000080847453410000000010d11e4100000000597553410000000068d31e41000000005a7953410000000090921e41000000006e7953410000000048851e410000008084745341","area_pixels":203502,"max_part_bytes":1310720,"bucket_bytes":4796768,"disk_bytes":16633040,"memory_bytes":276848368,"notes":["area: the middle of the area lies at latitude 46.08 N, longitude 15.03 E."]}');
INSERT INTO "documents" VALUES('9f7bb4b32c576969','image','{"result":"0","values":{"0":{"functionInvocationValue":{"arguments":{"bandTypes":{"dictionaryValue":{"values":{"mixed":{"valueReference":"1"},"x":{"valueReference":"1"},"y":{"valueReference":"1"}}}},"image":{"functionInvocationValue":{"arguments":{"bandSelectors":{"arrayValue":{"values":[{"valueReference":"2"},{"valueReference":"3"},{"valueReference":"4"}]}},"input":{"functionInvocationValue":{"arguments":{"image":{"functionInvocationValue":{"arguments":{"dstImg":{"functionInvocationValue":{"arguments":{"dstImg":{"valueReference":"5"},"srcImg":{"valueReference":"7"}},"functionName":"Image.addBands"}},"srcImg":{"functionInvocationValue":{"arguments":{"input":{"valueReference":"8"},"names":{"arrayValue":{"values":[{"valueReference":"4"}]}}},"functionName":"Image.rename"}}},"functionName":"Image.addBands"}},"mask":{"functionInvocationValue":{"arguments":{"image1":{"functionInvocationValue":{"arguments":{"image1":{"valueReference":"8"},"image2":{"functionInvocationValue":{"arguments":{"value":{"constantValue":5}},"functionName":"Image.constant"}}},"functionName":"Image.mod"}},"image2":{"functionInvocationValue":{"arguments":{"value":{"constantValue":0}},"functionName":"Image.constant"}}},"functionName":"Image.neq"}}},"functionName":"Image.updateMask"}}},"functionName":"Image.select"}}},"functionName":"Image.cast"}},"1":{"constantValue":"float"},"2":{"constantValue":"x"},"3":{"constantValue":"y"},"4":{"constantValue":"mixed"},"5":{"functionInvocationValue":{"arguments":{"bandSelectors":{"arrayValue":{"values":[{"valueReference":"2"}]}},"input":{"valueReference":"6"}},"functionName":"Image.select"}},"6":{"functionInvocationValue":{"arguments":{"projection":{"functionInvocationValue":{"arguments":{"meters":{"constantValue":10},"projection":{"functionInvocationValue":{"arguments":{"crs":{"constantValue":"EPSG:32633"}},"functionName":"Projection"}}},"functionName":"Projection.atScale"}}},"functionName":"Image.pixelCoordinates"}},"7":{"functionInvocationValue":{"arguments":{"bandSelectors":{"arrayValue":{"values":[{"valueReference":"3"}]}},"input":{"valueReference":"6"}},"functionName":"Image.select"}},"8":{"functionInvocationValue":{"arguments":{"image1":{"functionInvocationValue":{"arguments":{"image1":{"functionInvocationValue":{"arguments":{"image1":{"valueReference":"5"},"image2":{"functionInvocationValue":{"arguments":{"value":{"constantValue":31}},"functionName":"Image.constant"}}},"functionName":"Image.multiply"}},"image2":{"functionInvocationValue":{"arguments":{"image1":{"valueReference":"7"},"image2":{"functionInvocationValue":{"arguments":{"value":{"constantValue":17}},"functionName":"Image.constant"}}},"functionName":"Image.multiply"}}},"functionName":"Image.add"}},"image2":{"functionInvocationValue":{"arguments":{"value":{"constantValue":1009}},"functionName":"Image.constant"}}},"functionName":"Image.mod"}}}}');
INSERT INTO "documents" VALUES('9f7bb4b32c576969','facts','{"recipe": "image-code", "parameters": {"file": "@ROOT@/image.py", "dtype": "float32", "nodata": "", "attribution": "", "licence": ""}, "code_sha256": "27389e7fe90e3248697cf2644bb312489d0dabc9e20e28b0205957411f1b19d6", "attribution": "", "licence": "", "scenes": [], "area_sha256": "eac4f4d2da6fd6233c0ab4f1ee2b20d485a6fa3aebe429f7a894a42b442ab2e2"}');
INSERT INTO "documents" VALUES('9f7bb4b32c576969','result','{"path": "@ROOT@/out/parts_clipped.tif", "bytes": 1184192, "sha256": "52e4952ad45a86be4b69149bc34f314efbf52b01ca7f265cd083f3dfb7375e0b", "assembly": {"method": "splice", "reason": "", "overviews": "average of valid pixels, level by level", "blocks_copied": 0, "blocks_encoded": 5, "blocks_sparse": 0}, "valid": {"x": 0.7998004933612446, "y": 0.7998004933612446, "mixed": 0.7998004933612446}, "version": 2, "files": [{"path": "@ROOT@/out/parts_clipped.json", "bytes": 4857, "sha256": "71f288a7a815d2b082ba214750d3a9cb5c023c67cdaa49037a8a7776cdeea5c5", "role": "proof"}, {"path": "@ROOT@/out/parts_clipped.png", "bytes": 47960, "sha256": "de6090478b2d75a483f89173aa4e14a6c9000f1ad3bb1ed035aedfc6469745e4", "role": "picture"}, {"path": "@ROOT@/out/parts_clipped.stac.json", "bytes": 3618, "sha256": "ef00eeec0cb23be809594663efb5b0e12660f3698ebc24dfb9fad06123f2f486", "role": "item"}, {"path": "@ROOT@/out/parts_clipped.tif", "bytes": 1184192, "sha256": "52e4952ad45a86be4b69149bc34f314efbf52b01ca7f265cd083f3dfb7375e0b", "role": "data"}]}');
CREATE TABLE events (
	sequence INTEGER NOT NULL, 
	run_id VARCHAR NOT NULL, 
	at VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	facts TEXT NOT NULL, bytes INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (sequence)
);
INSERT INTO "events" VALUES(1,'33156e772a121c5e','2026-11-27T00:21:57.737+00:00','run.planned','{"tasks": 0, "parts": 0, "requests": 1, "height": 503, "width": 500}',0);
INSERT INTO "events" VALUES(2,'744e96eba33d0e09','2026-11-27T00:21:59.972+00:00','run.planned','{"tasks": 0, "parts": 0, "requests": 4}',0);
INSERT INTO "events" VALUES(3,'744e96eba33d0e09','2026-11-27T00:22:00.449+00:00','request.answered','{"kind": "pixels", "unit": "0000050-0000000-50x50", "attempt": 1, "bytes": 30192}',30192);
INSERT INTO "events" VALUES(4,'9f7bb4b32c576969','2026-11-27T00:22:01.769+00:00','run.planned','{"tasks": 4, "parts": 4, "requests": 0, "height": 503, "width": 500}',0);
INSERT INTO "events" VALUES(5,'9f7bb4b32c576969','2026-11-27T00:22:02.152+00:00','task.submitted','{"task": "0000", "operation": "projects/orchestrator-sandbox/operations/24Q40N4EEY8VJZ5RXHMTTF3V", "parts": 1}',0);
INSERT INTO "events" VALUES(6,'9f7bb4b32c576969','2026-11-27T00:22:02.242+00:00','task.submitted','{"task": "0001", "operation": "projects/orchestrator-sandbox/operations/SPDWJMRNHB5IBO8JMWNMPKPF", "parts": 1}',0);
INSERT INTO "events" VALUES(7,'9f7bb4b32c576969','2026-11-27T00:22:02.627+00:00','task.exported','{"task": "0000", "parts": 1, "bytes": 275444, "eecu_seconds": 0.05}',275444);
INSERT INTO "events" VALUES(8,'9f7bb4b32c576969','2026-11-27T00:22:02.654+00:00','task.exported','{"task": "0001", "parts": 1, "bytes": 267044, "eecu_seconds": 0.036}',267044);
INSERT INTO "events" VALUES(9,'9f7bb4b32c576969','2026-11-27T00:22:02.680+00:00','run.refitted','{"tasks": 2, "part_height": 256, "part_width": 256, "bytes_per_pixel": 4.20294189453125}',0);
INSERT INTO "events" VALUES(10,'9f7bb4b32c576969','2026-11-27T00:22:02.761+00:00','task.submitted','{"task": "0002", "operation": "projects/orchestrator-sandbox/operations/7MTPI9EOJQERLD7YUVVVKNV3", "parts": 1}',0);
INSERT INTO "events" VALUES(11,'9f7bb4b32c576969','2026-11-27T00:22:02.873+00:00','task.submitted','{"task": "0003", "operation": "projects/orchestrator-sandbox/operations/TCS59VBCTBNQI6QFX9S8ISTG", "parts": 1}',0);
INSERT INTO "events" VALUES(12,'9f7bb4b32c576969','2026-11-27T00:22:02.995+00:00','part.downloaded','{"object": "orchestrator/a8d6da5f/9f7bb4b32c576969/0001-a1-73ecb5e1x.tif", "bytes": 267044}',267044);
INSERT INTO "events" VALUES(13,'9f7bb4b32c576969','2026-11-27T00:22:03.105+00:00','part.downloaded','{"object": "orchestrator/a8d6da5f/9f7bb4b32c576969/0000-a1-3c575d0dx.tif", "bytes": 275444}',275444);
INSERT INTO "events" VALUES(14,'9f7bb4b32c576969','2026-11-27T00:22:03.432+00:00','task.exported','{"task": "0002", "parts": 1, "bytes": 265935, "eecu_seconds": 0.029}',265935);
INSERT INTO "events" VALUES(15,'9f7bb4b32c576969','2026-11-27T00:22:03.476+00:00','task.exported','{"task": "0003", "parts": 1, "bytes": 258068, "eecu_seconds": 0.025}',258068);
INSERT INTO "events" VALUES(16,'9f7bb4b32c576969','2026-11-27T00:22:03.567+00:00','part.downloaded','{"object": "orchestrator/a8d6da5f/9f7bb4b32c576969/0002-a1-53bcf059x.tif", "bytes": 265935}',265935);
INSERT INTO "events" VALUES(17,'9f7bb4b32c576969','2026-11-27T00:22:03.584+00:00','part.downloaded','{"object": "orchestrator/a8d6da5f/9f7bb4b32c576969/0003-a1-73510ad1x.tif", "bytes": 258068}',258068);
INSERT INTO "events" VALUES(18,'9f7bb4b32c576969','2026-11-27T00:22:04.416+00:00','output.published','{"path": "@ROOT@/out/parts_clipped.tif", "bytes": 1184192, "sha256": "52e4952ad45a86be4b69149bc34f314efbf52b01ca7f265cd083f3dfb7375e0b", "valid": {"x": 0.7998004933612446, "y": 0.7998004933612446, "mixed": 0.7998004933612446}, "method": "splice"}',1184192);
INSERT INTO "events" VALUES(19,'9f7bb4b32c576969','2026-11-27T00:22:04.628+00:00','cloud.cleaned','{"deleted": 5, "absent": 0, "foreign": [], "changed": []}',0);
INSERT INTO "events" VALUES(20,'9f7bb4b32c576969','2026-11-27T00:22:04.825+00:00','run.done','{"path": "@ROOT@/out/parts_clipped.tif"}',0);
CREATE TABLE fires (
	job_name VARCHAR NOT NULL, 
	logical_date VARCHAR NOT NULL, 
	run_id VARCHAR NOT NULL, 
	at VARCHAR NOT NULL, skipped TEXT DEFAULT '' NOT NULL, triggered BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_fires PRIMARY KEY (job_name, logical_date)
);
CREATE TABLE grants (
	name VARCHAR NOT NULL, 
	holder VARCHAR NOT NULL, 
	amount FLOAT NOT NULL, 
	wanted FLOAT DEFAULT '0' NOT NULL, 
	until FLOAT NOT NULL, 
	CONSTRAINT pk_grants PRIMARY KEY (name, holder)
);
INSERT INTO "grants" VALUES('ee.tasks@sandbox','33156e772a121c5e',0.0,0.0,1.79573897790297889705e+09);
INSERT INTO "grants" VALUES('gcs.bytes@sandbox','33156e772a121c5e',0.0,0.0,100000000000.0);
INSERT INTO "grants" VALUES('ee.requests@sandbox','19468@machine/414615/4026531836',2.0,1.0,1.79573893010161399837e+09);
INSERT INTO "grants" VALUES('ee.requests@sandbox@second','19468@machine/414615/4026531836',20.0,1.0,1.79573893010161399837e+09);
INSERT INTO "grants" VALUES('gcs.bytes@sandbox','9f7bb4b32c576969',2.89795856858846917741e+06,0.0,100000000000.0);
INSERT INTO "grants" VALUES('downloads@sandbox','19494@machine/414834/4026531836',4.0,0.0,1.79573893391182708742e+09);
CREATE TABLE job_states (
	job_name VARCHAR NOT NULL, 
	paused BOOLEAN NOT NULL, 
	why TEXT DEFAULT '' NOT NULL, 
	at VARCHAR NOT NULL, 
	CONSTRAINT pk_job_states PRIMARY KEY (job_name)
);
CREATE TABLE ledger (
	id INTEGER NOT NULL, 
	run_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	generation VARCHAR NOT NULL, 
	object TEXT NOT NULL, 
	outcome VARCHAR NOT NULL, 
	CONSTRAINT pk_ledger PRIMARY KEY (id), 
	CONSTRAINT uq_ledger_run_id_name_generation UNIQUE (run_id, name, generation), 
	CONSTRAINT fk_ledger_run_id FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "ledger" VALUES(1,'9f7bb4b32c576969','orchestrator/a8d6da5f/9f7bb4b32c576969/plan.json','1795738921992705','{"checksum": null, "crc32c": "w/WV7g==", "created": "2026-11-27T00:22:01.992000+00:00", "generation": "1795738921992705", "id": "", "md5": "d54faa9bb5ffc9cff6ddd879fd0193f7", "name": "orchestrator/a8d6da5f/9f7bb4b32c576969/plan.json", "size": 6099, "size_alone": false}','deleted');
INSERT INTO "ledger" VALUES(2,'9f7bb4b32c576969','orchestrator/a8d6da5f/9f7bb4b32c576969/0000-a1-3c575d0dx.tif','1795738922429843','{"checksum": null, "crc32c": "3TcohQ==", "created": "2026-11-27T00:22:02.429000+00:00", "generation": "1795738922429843", "id": "", "md5": "353f57d519fe151a8636e584f8ea94ab", "name": "orchestrator/a8d6da5f/9f7bb4b32c576969/0000-a1-3c575d0dx.tif", "size": 275444, "size_alone": false}','deleted');
INSERT INTO "ledger" VALUES(3,'9f7bb4b32c576969','orchestrator/a8d6da5f/9f7bb4b32c576969/0001-a1-73ecb5e1x.tif','1795738922416103','{"checksum": null, "crc32c": "dvhdgQ==", "created": "2026-11-27T00:22:02.416000+00:00", "generation": "1795738922416103", "id": "", "md5": "99797b0b9005be698ab605d5b5a89371", "name": "orchestrator/a8d6da5f/9f7bb4b32c576969/0001-a1-73ecb5e1x.tif", "size": 267044, "size_alone": false}','deleted');
INSERT INTO "ledger" VALUES(4,'9f7bb4b32c576969','orchestrator/a8d6da5f/9f7bb4b32c576969/0002-a1-53bcf059x.tif','1795738922895601','{"checksum": null, "crc32c": "cwkLlg==", "created": "2026-11-27T00:22:02.895000+00:00", "generation": "1795738922895601", "id": "", "md5": "08dfdf00709d4a196b1fb44faa470f76", "name": "orchestrator/a8d6da5f/9f7bb4b32c576969/0002-a1-53bcf059x.tif", "size": 265935, "size_alone": false}','deleted');
INSERT INTO "ledger" VALUES(5,'9f7bb4b32c576969','orchestrator/a8d6da5f/9f7bb4b32c576969/0003-a1-73510ad1x.tif','1795738922974809','{"checksum": null, "crc32c": "YEHB3w==", "created": "2026-11-27T00:22:02.974000+00:00", "generation": "1795738922974809", "id": "", "md5": "87ce97bbdeab4dfa379dbfde104a2b03", "name": "orchestrator/a8d6da5f/9f7bb4b32c576969/0003-a1-73510ad1x.tif", "size": 258068, "size_alone": false}','deleted');
CREATE TABLE lessons (
	subject VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	value FLOAT NOT NULL, 
	CONSTRAINT pk_lessons PRIMARY KEY (subject, name)
);
INSERT INTO "lessons" VALUES('0dcf65442c17061250387efc369560df','bytes_per_pixel',4.20294189453125);
INSERT INTO "lessons" VALUES('9f7bb4b32c576969','refitted',6.0);
CREATE TABLE limits (
	name VARCHAR NOT NULL, 
	allowed FLOAT NOT NULL, 
	resume FLOAT DEFAULT '0' NOT NULL, 
	why TEXT DEFAULT '' NOT NULL, 
	throttled INTEGER DEFAULT '0' NOT NULL, 
	facts TEXT DEFAULT '{}' NOT NULL, 
	updated FLOAT NOT NULL, 
	CONSTRAINT pk_limits PRIMARY KEY (name)
);
INSERT INTO "limits" VALUES('ee.tasks@sandbox',2990.0,0.0,'',0,'{"others_queued": 0, "others_running": 0, "slots": 2, "slots_at": 1795738917.893695, "seen_at": 1795738922.031493}',1.79573892203614401824e+09);
INSERT INTO "limits" VALUES('ee.requests@sandbox',8.0,0.0,'',0,'{}',1.79573891796353292469e+09);
INSERT INTO "limits" VALUES('gcs.bytes@sandbox',21474836480.0,0.0,'',0,'{"full": false}',1.79573892208655190461e+09);
INSERT INTO "limits" VALUES('downloads@sandbox',4.0,0.0,'',0,'{}',1.79573892288069891925e+09);
CREATE TABLE outbox (
	id INTEGER NOT NULL, 
	event VARCHAR NOT NULL, 
	run_id VARCHAR DEFAULT '' NOT NULL, 
	at VARCHAR NOT NULL, 
	target VARCHAR NOT NULL, 
	content TEXT NOT NULL, 
	tries INTEGER DEFAULT '0' NOT NULL, 
	next_at FLOAT DEFAULT '0' NOT NULL, 
	outcome VARCHAR DEFAULT '' NOT NULL, 
	error TEXT DEFAULT '' NOT NULL, 
	sequence INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_outbox PRIMARY KEY (id), 
	CONSTRAINT uq_outbox_sequence_target UNIQUE (sequence, target)
);
CREATE TABLE outputs (
	path VARCHAR NOT NULL, 
	run_id VARCHAR NOT NULL, 
	declaration VARCHAR NOT NULL, 
	sha256 VARCHAR DEFAULT '' NOT NULL, 
	bytes INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_outputs PRIMARY KEY (path)
);
INSERT INTO "outputs" VALUES('@ROOT@/out/small_clipped.tif','33156e772a121c5e','67023b6d436c68140634300e726217d57f3daed67a111c37b3a3bdd2f42c7fe2','',0);
INSERT INTO "outputs" VALUES('@ROOT@/hills_partitions_cells_00d1c72fb32d4/small','744e96eba33d0e09','c5e6c6a9d3c39c2a2af7a1b8f0789611a702838f491bd2f2fa2cb15c515584cb','',0);
INSERT INTO "outputs" VALUES('@ROOT@/out/parts_clipped.tif','9f7bb4b32c576969','63f34ed95d1e7c4760d3adcd2e76eba096e2fed21e5bf3d4d5a5b9fa3e04a813','52e4952ad45a86be4b69149bc34f314efbf52b01ca7f265cd083f3dfb7375e0b',1184192);
CREATE TABLE part_counts (
	run_id VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	parts INTEGER NOT NULL, 
	listed INTEGER NOT NULL, 
	bytes INTEGER NOT NULL, 
	CONSTRAINT pk_part_counts PRIMARY KEY (run_id, state), 
	CONSTRAINT fk_part_counts_run_id FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "part_counts" VALUES('9f7bb4b32c576969','WAITING',0,0,0);
INSERT INTO "part_counts" VALUES('9f7bb4b32c576969','EXPORTED',0,0,0);
INSERT INTO "part_counts" VALUES('9f7bb4b32c576969','DOWNLOADING',0,0,0);
INSERT INTO "part_counts" VALUES('9f7bb4b32c576969','VERIFIED',0,0,0);
INSERT INTO "part_counts" VALUES('9f7bb4b32c576969','MERGED',0,0,0);
INSERT INTO "part_counts" VALUES('9f7bb4b32c576969','CLEANED',4,4,1066491);
CREATE TABLE parts (
	run_id VARCHAR NOT NULL, 
	"row" INTEGER NOT NULL, 
	col INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	width INTEGER NOT NULL, 
	task VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	attempt INTEGER NOT NULL, 
	object TEXT NOT NULL, grid INTEGER DEFAULT '0' NOT NULL, time INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_parts PRIMARY KEY (run_id, "row", col), 
	CONSTRAINT fk_parts_run_id FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "parts" VALUES('9f7bb4b32c576969',0,0,256,256,'0000','CLEANED',1,'{"checksum": null, "crc32c": "3TcohQ==", "created": "2026-11-27T00:22:02.429000+00:00", "generation": "1795738922429843", "id": "", "md5": "353f57d519fe151a8636e584f8ea94ab", "name": "orchestrator/a8d6da5f/9f7bb4b32c576969/0000-a1-3c575d0dx.tif", "size": 275444, "size_alone": false}',0,0);
INSERT INTO "parts" VALUES('9f7bb4b32c576969',0,256,256,244,'0001','CLEANED',1,'{"checksum": null, "crc32c": "dvhdgQ==", "created": "2026-11-27T00:22:02.416000+00:00", "generation": "1795738922416103", "id": "", "md5": "99797b0b9005be698ab605d5b5a89371", "name": "orchestrator/a8d6da5f/9f7bb4b32c576969/0001-a1-73ecb5e1x.tif", "size": 267044, "size_alone": false}',0,0);
INSERT INTO "parts" VALUES('9f7bb4b32c576969',256,0,247,256,'0002','CLEANED',1,'{"checksum": null, "crc32c": "cwkLlg==", "created": "2026-11-27T00:22:02.895000+00:00", "generation": "1795738922895601", "id": "", "md5": "08dfdf00709d4a196b1fb44faa470f76", "name": "orchestrator/a8d6da5f/9f7bb4b32c576969/0002-a1-53bcf059x.tif", "size": 265935, "size_alone": false}',0,0);
INSERT INTO "parts" VALUES('9f7bb4b32c576969',256,256,247,244,'0003','CLEANED',1,'{"checksum": null, "crc32c": "YEHB3w==", "created": "2026-11-27T00:22:02.974000+00:00", "generation": "1795738922974809", "id": "", "md5": "87ce97bbdeab4dfa379dbfde104a2b03", "name": "orchestrator/a8d6da5f/9f7bb4b32c576969/0003-a1-73510ad1x.tif", "size": 258068, "size_alone": false}',0,0);
CREATE TABLE processes (
	name VARCHAR NOT NULL, 
	host VARCHAR NOT NULL, 
	pid INTEGER NOT NULL, 
	started VARCHAR NOT NULL, 
	beat FLOAT NOT NULL, 
	facts TEXT DEFAULT '{}' NOT NULL, 
	CONSTRAINT pk_processes PRIMARY KEY (name)
);
CREATE TABLE "runs" (
	id VARCHAR NOT NULL, 
	job_name VARCHAR NOT NULL, 
	base_name VARCHAR DEFAULT '' NOT NULL, 
	product VARCHAR DEFAULT 'mosaic' NOT NULL, 
	logical_date VARCHAR NOT NULL, 
	turn INTEGER NOT NULL, 
	fingerprint VARCHAR NOT NULL, 
	declaration VARCHAR DEFAULT '' NOT NULL, 
	state VARCHAR NOT NULL, 
	reason TEXT NOT NULL, 
	resume VARCHAR NOT NULL, 
	request VARCHAR DEFAULT '' NOT NULL, 
	who VARCHAR DEFAULT '' NOT NULL, 
	next_at FLOAT DEFAULT '0' NOT NULL, 
	overwrite BOOLEAN DEFAULT 0 NOT NULL, 
	created VARCHAR NOT NULL, 
	updated VARCHAR NOT NULL, 
	job TEXT NOT NULL, priority INTEGER DEFAULT '0' NOT NULL, finish_by FLOAT DEFAULT '0' NOT NULL, worker VARCHAR DEFAULT '' NOT NULL, fence INTEGER DEFAULT '0' NOT NULL, lease_until FLOAT DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_runs PRIMARY KEY (id), 
	CONSTRAINT uq_runs_fingerprint_logical_date_turn UNIQUE (fingerprint, logical_date, turn)
);
INSERT INTO "runs" VALUES('33156e772a121c5e','small','small','mosaic','',1,'98631f10c15d8bebce16dc65ba9d526390dcc0c28b7bccdc8eda93eac593f8de','67023b6d436c68140634300e726217d57f3daed67a111c37b3a3bdd2f42c7fe2','EXPORTING','','','','',0.0,0,'2026-11-27T00:21:56.735+00:00','2026-11-27T00:21:57.758+00:00','{"area":{"crs":"","each":"","layer":"","piece":"","source":"@ROOT@/area.geojson","where":""},"bands":["x","y","mixed"],"base_name":"small","end_date":"2024-06-01","grid":{"crs":"EPSG:32633","crs_transform":null,"scale":10.0},"max_part_bytes":1310720,"min_valid":0.0,"options":{"all_touched":false,"block":0,"compress":"same","overviews":"auto","predictor":"same"},"output":"@ROOT@/out","params":{"file":"@ROOT@/image.py"},"pins":{"area":"eac4f4d2da6fd6233c0ab4f1ee2b20d485a6fa3aebe429f7a894a42b442ab2e2","code":"27389e7fe90e3248697cf2644bb312489d0dabc9e20e28b0205957411f1b19d6"},"recipe":"image-code","route":"pixels","service":"sandbox","split":"blocks","start_date":"2024-05-01","version":2}',0,0.0,'machine 19422 2026-11-27T00:21:56+00:00 00000000-0000-4000-8000-000000000000',1,1.79573897676758790012e+09);
INSERT INTO "runs" VALUES('744e96eba33d0e09','small','small','chips','',1,'082cad695eece60bf035ee575112e740d5df4c54dc46264564c6b0240088673e','c5e6c6a9d3c39c2a2af7a1b8f0789611a702838f491bd2f2fa2cb15c515584cb','EXPORTING','','','','',0.0,0,'2026-11-27T00:21:59.179+00:00','2026-11-27T00:21:59.994+00:00','{"area":{"crs":"","each":"","layer":"","piece":"","source":"","where":""},"bands":["x","y","mixed"],"base_name":"small","end_date":"2024-06-01","grid":{"crs":"","crs_transform":null,"scale":null},"keys":{"height":50,"tiles":"@ROOT@/hills_partitions_cells_00d1c72fb32d4.parquet","width":50},"max_part_bytes":50331648,"min_valid":0.0,"options":{"all_touched":false,"block":0,"compress":"same","overviews":"auto","predictor":"same"},"output":"@ROOT@/hills_partitions_cells_00d1c72fb32d4","params":{"file":"@ROOT@/image.py"},"pins":{"code":"27389e7fe90e3248697cf2644bb312489d0dabc9e20e28b0205957411f1b19d6","tiles":"b2b1a5887a16085227f31c7818dff378419b8cafd6c650a09feb338328f3f892"},"product":"chips","recipe":"image-code","route":"pixels","service":"sandbox","split":"blocks","start_date":"2024-05-01","version":2}',0,0.0,'machine 19468 2026-11-27T00:21:59+00:00 00000000-0000-4000-8000-000000000000',1,1.79573897921001601222e+09);
INSERT INTO "runs" VALUES('9f7bb4b32c576969','parts','parts','mosaic','',1,'514c13937f3fd775a6dd4a484e09a298cf5d720be968ae0daa2b7c8c6df54d9d','63f34ed95d1e7c4760d3adcd2e76eba096e2fed21e5bf3d4d5a5b9fa3e04a813','CLEANED','','','','',0.0,0,'2026-11-27T00:22:01.115+00:00','2026-11-27T00:22:04.817+00:00','{"area":{"crs":"","each":"","layer":"","piece":"","source":"@ROOT@/area.geojson","where":""},"bands":["x","y","mixed"],"base_name":"parts","end_date":"2024-06-01","grid":{"crs":"EPSG:32633","crs_transform":null,"scale":10.0},"max_part_bytes":1310720,"min_valid":0.0,"options":{"all_touched":false,"block":0,"compress":"same","overviews":"auto","predictor":"same"},"output":"@ROOT@/out","params":{"file":"@ROOT@/image.py"},"pins":{"area":"eac4f4d2da6fd6233c0ab4f1ee2b20d485a6fa3aebe429f7a894a42b442ab2e2","code":"27389e7fe90e3248697cf2644bb312489d0dabc9e20e28b0205957411f1b19d6"},"recipe":"image-code","route":"gcs","service":"sandbox","split":"blocks","start_date":"2024-05-01","version":2}',0,0.0,'machine 19494 2026-11-27T00:22:01+00:00 00000000-0000-4000-8000-000000000000',1,0.0);
CREATE TABLE tasks (
	run_id VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	"row" INTEGER NOT NULL, 
	col INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	width INTEGER NOT NULL, 
	part_height INTEGER NOT NULL, 
	part_width INTEGER NOT NULL, 
	state VARCHAR NOT NULL, 
	attempt INTEGER NOT NULL, 
	rung INTEGER NOT NULL, 
	operation VARCHAR NOT NULL, 
	collected BOOLEAN NOT NULL, 
	progress FLOAT NOT NULL, 
	eecu_seconds FLOAT NOT NULL, 
	error TEXT NOT NULL, 
	tries INTEGER NOT NULL, 
	next_at FLOAT NOT NULL, known BOOLEAN DEFAULT 0 NOT NULL, failure VARCHAR DEFAULT '' NOT NULL, forgiven INTEGER DEFAULT '0' NOT NULL, grid INTEGER DEFAULT '0' NOT NULL, time INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_tasks PRIMARY KEY (run_id, "key"), 
	CONSTRAINT fk_tasks_run_id FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "tasks" VALUES('9f7bb4b32c576969','0000',0,0,256,256,256,256,'SUCCEEDED',1,0,'projects/orchestrator-sandbox/operations/24Q40N4EEY8VJZ5RXHMTTF3V',1,1.0,0.05,'',0,0.0,0,'',0,0,0);
INSERT INTO "tasks" VALUES('9f7bb4b32c576969','0001',0,256,256,244,256,256,'SUCCEEDED',1,0,'projects/orchestrator-sandbox/operations/SPDWJMRNHB5IBO8JMWNMPKPF',1,1.0,0.036,'',0,0.0,0,'',0,0,0);
INSERT INTO "tasks" VALUES('9f7bb4b32c576969','0002',256,0,247,256,256,256,'SUCCEEDED',1,0,'projects/orchestrator-sandbox/operations/7MTPI9EOJQERLD7YUVVVKNV3',1,1.0,0.029,'',0,0.0,0,'',0,0,0);
INSERT INTO "tasks" VALUES('9f7bb4b32c576969','0003',256,256,247,244,256,256,'SUCCEEDED',1,0,'projects/orchestrator-sandbox/operations/TCS59VBCTBNQI6QFX9S8ISTG',1,1.0,0.025,'',0,0.0,0,'',0,0,0);
CREATE TABLE unit_counts (
	run_id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	units INTEGER NOT NULL, 
	CONSTRAINT pk_unit_counts PRIMARY KEY (run_id, kind, state), 
	CONSTRAINT fk_unit_counts_run_id FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "unit_counts" VALUES('33156e772a121c5e','pixels','WAITING',0);
INSERT INTO "unit_counts" VALUES('33156e772a121c5e','pixels','CLAIMED',1);
INSERT INTO "unit_counts" VALUES('744e96eba33d0e09','pixels','WAITING',1);
INSERT INTO "unit_counts" VALUES('744e96eba33d0e09','pixels','CLAIMED',1);
INSERT INTO "unit_counts" VALUES('744e96eba33d0e09','pixels','DONE',2);
CREATE TABLE unit_needs (
	run_id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	need_kind VARCHAR NOT NULL, 
	need_key VARCHAR NOT NULL, 
	CONSTRAINT pk_unit_needs PRIMARY KEY (run_id, kind, "key", need_kind, need_key), 
	CONSTRAINT fk_unit_needs_run_id_kind_key FOREIGN KEY(run_id, kind, "key") REFERENCES units (run_id, kind, "key")
);
CREATE TABLE units (
	run_id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	grid INTEGER NOT NULL, 
	time INTEGER NOT NULL, 
	"group" INTEGER NOT NULL, 
	"row" INTEGER NOT NULL, 
	col INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	width INTEGER NOT NULL, 
	state VARCHAR NOT NULL, 
	lacking INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	next_at FLOAT NOT NULL, 
	claimed_until FLOAT NOT NULL, 
	fence INTEGER NOT NULL, 
	failure VARCHAR NOT NULL, 
	error TEXT NOT NULL, 
	spec TEXT NOT NULL, 
	result TEXT NOT NULL, 
	CONSTRAINT pk_units PRIMARY KEY (run_id, kind, "key"), 
	CONSTRAINT fk_units_run_id FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "units" VALUES('33156e772a121c5e','pixels','0000000-0000000-503x500',0,0,0,0,0,503,500,'CLAIMED',0,1,0.0,1.7957395179145829678e+09,1,'','','{"bytes": 3772500}','{"at": "2026-11-27T00:21:58Z", "bytes": 3018192, "reply_sha256": "f9dc47c29572022a9e78a9fa213be760fe5052c1f37cfc71fbce389b360887d2", "request_sha256": "275c1af1d98e427421b9bf6273539703b07886e7ebb53904994877506bbaa100", "route": "pixels"}');
INSERT INTO "units" VALUES('744e96eba33d0e09','pixels','0000050-0000000-50x50',0,0,0,50,0,50,50,'DONE',0,1,0.0,0.0,1,'','','{"bytes": 37500}','{"at": "2026-11-27T00:22:00Z", "bytes": 30192, "reply_sha256": "5a5a75751f803ecbd08e535031800cf80da8ca1d5f7936cab9f6befde9e82900", "request_sha256": "14c77e9cf687f3d35f395109fe2cb5a6bc418c79ab8afb0dbeed2d6242113a15", "route": "pixels"}');
INSERT INTO "units" VALUES('744e96eba33d0e09','pixels','t000001-0000000-0000000-50x50',0,1,0,0,0,50,50,'DONE',0,1,0.0,0.0,1,'','','{"bytes": 37500}','{"at": "2026-11-27T00:22:00Z", "bytes": 30192, "reply_sha256": "3f29e48edbb071f31d7873cd7b6e2f27b861e09359494e27a8b1f69d6ddfcc8c", "request_sha256": "babee05ff86824d5ff399bf34e019f7c8b9745d00f0bfcb4ee3616d5b71378b9", "route": "pixels"}');
INSERT INTO "units" VALUES('744e96eba33d0e09','pixels','t000002-0000050-0000050-50x50',0,2,0,50,50,50,50,'CLAIMED',0,1,0.0,1.79573952045746397976e+09,1,'','','{"bytes": 37500}','{"at": "2026-11-27T00:22:00Z", "bytes": 30192, "reply_sha256": "daf7c8a8adc540580f533503cb1b8667f792ab3f13dfa1c898d29bfcf7ab35cb", "request_sha256": "305f2a0e383806904dac1a4b3f016988b6d8126ae8b4b583d2ae674222848747", "route": "pixels"}');
INSERT INTO "units" VALUES('744e96eba33d0e09','pixels','t000003-0000000-0000050-50x50',0,3,0,0,50,50,50,'WAITING',0,0,0.0,0.0,0,'','','{"bytes": 37500}','{}');
CREATE TABLE usage (
	run_id VARCHAR NOT NULL, 
	month VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	eecu_seconds FLOAT NOT NULL, 
	CONSTRAINT pk_usage PRIMARY KEY (run_id, month, kind), 
	CONSTRAINT fk_usage_run_id FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "usage" VALUES('9f7bb4b32c576969','2026-11','batch',1.39999999999999985567e-01);
CREATE INDEX ix_events_run_id ON events (run_id);
CREATE INDEX ix_parts_run_id_state ON parts (run_id, state);
CREATE INDEX ix_tasks_state ON tasks (state);
CREATE INDEX ix_runs_state ON runs (state);
CREATE INDEX ix_runs_created ON runs (created);
CREATE INDEX ix_runs_job_name ON runs (job_name);
CREATE INDEX ix_runs_base_name ON runs (base_name);
CREATE INDEX ix_parts_run_id_task ON parts (run_id, task);
CREATE INDEX ix_units_run_id_kind_state_lacking_key ON units (run_id, kind, state, lacking, "key");
CREATE INDEX ix_unit_needs_run_id_need_kind_need_key ON unit_needs (run_id, need_kind, need_key);
CREATE INDEX ix_events_run_id_name_at ON events (run_id, name, at);
CREATE INDEX ix_outbox_outcome_next_at ON outbox (outcome, next_at);
COMMIT;
