// The two other processes of a saga with dtm: `branches` answers every action and compensation with success, `load`
// submits sagas and waits for each. In Go, as dtm's own users write them, so that neither costs more than it must.
package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	if os.Args[1] == "branches" {
		branches()
	} else {
		load()
	}
}

func branches() {
	success := func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"dtm_result":"SUCCESS"}`)
	}
	log.Fatal(http.ListenAndServe(os.Getenv("BRANCHES"), http.HandlerFunc(success)))
}

type asked struct {
	InFlight int `json:"inFlight"`
	Sagas    int `json:"sagas"`
}

type answer struct {
	Completed   int       `json:"completed"`
	Failures    []string  `json:"failures"`
	Seconds     float64   `json:"seconds"`
	LatenciesMs []float64 `json:"latenciesMs"`
}

// load answers each line of stdin with one line, as shared/closed-loop.mjs does.
func load() {
	client := &http.Client{
		Transport: &http.Transport{MaxIdleConns: 1000, MaxIdleConnsPerHost: 1000},
		Timeout:   30 * time.Second,
	}
	for end := time.Now().Add(90 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		err := saga(client)
		if err == nil {
			break
		}
		if time.Now().After(end) {
			log.Fatal(err)
		}
	}
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var a asked
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			log.Fatal(err)
		}
		out, _ := json.Marshal(run(client, a))
		fmt.Println(string(out))
	}
}

func run(client *http.Client, a asked) answer {
	var begun atomic.Int64
	var mutex sync.Mutex
	var lanes sync.WaitGroup
	result := answer{LatenciesMs: make([]float64, 0, a.Sagas)}
	begin := time.Now()
	for i := 0; i < a.InFlight; i++ {
		lanes.Add(1)
		go func() {
			defer lanes.Done()
			for begun.Add(1) <= int64(a.Sagas) {
				at := time.Now()
				err := saga(client)
				ms := float64(time.Since(at).Microseconds()) / 1000
				mutex.Lock()
				if err == nil {
					result.LatenciesMs = append(result.LatenciesMs, ms)
				} else if len(result.Failures) < 3 {
					result.Failures = append(result.Failures, err.Error())
				}
				mutex.Unlock()
			}
		}()
	}
	lanes.Wait()
	result.Seconds = time.Since(begin).Seconds()
	result.Completed = len(result.LatenciesMs)
	return result
}

// 256 bytes for each branch.
var payload = fmt.Sprintf(`{"text":"%s"}`, strings.Repeat("x", 245))

// saga runs one to its end: wait_result keeps the request open until the last branch has answered.
func saga(client *http.Client) error {
	id := make([]byte, 12)
	rand.Read(id)
	var steps []map[string]string
	for _, name := range []string{"one", "two", "three"} {
		url := "http://" + os.Getenv("BRANCHES") + "/" + name
		steps = append(steps, map[string]string{"action": url, "compensate": url + "/undo"})
	}
	body, _ := json.Marshal(map[string]any{
		"gid": hex.EncodeToString(id), "trans_type": "saga", "protocol": "http", "wait_result": true,
		"steps": steps, "payloads": []string{payload, payload, payload},
	})
	response, err := client.Post("http://"+os.Getenv("DTM")+"/api/dtmsvr/submit", "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	if response.StatusCode != 200 || !bytes.Contains(text, []byte("SUCCESS")) {
		return fmt.Errorf("%d: %s", response.StatusCode, text)
	}
	return nil
}
